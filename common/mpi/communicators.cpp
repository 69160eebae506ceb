#include "common/mpi/communicators.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <random>
#include <utility>

#include "common/error.hpp"

namespace facetrain {
namespace {

void broadcast_bytes(MpiSession& session, MPI_Comm comm, void* data, std::size_t bytes, int root) {
  constexpr std::size_t kMost = std::size_t{1} << 30;  // MPI counts are int
  for (std::size_t at = 0; at < bytes; at += kMost) {
    const int count = static_cast<int>(std::min(kMost, bytes - at));
    session.run([=](MPI_Request* request) {
      check_mpi(MPI_Ibcast(static_cast<char*>(data) + at, count, MPI_BYTE, root, comm, request),
                "MPI_Ibcast");
    });
  }
}

std::string broadcast_text(MpiSession& session, MPI_Comm comm, std::string text, int root) {
  std::uint64_t bytes = text.size();
  broadcast_bytes(session, comm, &bytes, sizeof bytes, root);
  text.resize(bytes);
  broadcast_bytes(session, comm, text.data(), text.size(), root);
  return text;
}

MpiComm duplicate(MpiSession& session, MPI_Comm original) {
  MPI_Comm comm = MPI_COMM_NULL;
  session.run(
      [&](MPI_Request* request) { check_mpi(MPI_Comm_idup(original, &comm, request), "MPI_Comm_idup"); });
  return {session, comm};
}

}  // namespace

MpiComm::MpiComm(MpiSession& session, MPI_Comm comm) : session_(&session), comm_(comm) {
  if (comm_ == MPI_COMM_NULL) return;
  session.call([this] {
    check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  });
}

MpiComm::~MpiComm() {
  free();
}

MpiComm::MpiComm(MpiComm&& other) noexcept
    : session_(other.session_),
      comm_(std::exchange(other.comm_, MPI_COMM_NULL)),
      rank_(other.rank_),
      size_(other.size_) {}

MpiComm& MpiComm::operator=(MpiComm&& other) noexcept {
  if (this != &other) {
    free();
    session_ = other.session_;
    comm_ = std::exchange(other.comm_, MPI_COMM_NULL);
    rank_ = other.rank_;
    size_ = other.size_;
  }
  return *this;
}

void MpiComm::free() noexcept {
  // Freeing is collective: while an error unwinds, the others may never come.
  if (comm_ == MPI_COMM_NULL || std::uncaught_exceptions() > 0) return;
  session_->call([this] { MPI_Comm_free(&comm_); });
}

MpiComm duplicate_world(MpiSession& session) {
  return duplicate(session, MPI_COMM_WORLD);
}

MpiComm duplicate(const MpiComm& comm) {
  return duplicate(comm.session(), comm.handle());
}

std::vector<std::string> all_gather_texts(const MpiComm& comm, const std::string& own) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<std::uint64_t> sizes(ranks);
  const std::uint64_t own_size = own.size();
  comm.session().run([&](MPI_Request* request) {
    check_mpi(
        MPI_Iallgather(&own_size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, comm.handle(), request),
        "MPI_Iallgather");
  });
  std::vector<int> counts(ranks), places(ranks);
  std::uint64_t total = 0;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    places[rank] = static_cast<int>(total);
    counts[rank] = static_cast<int>(sizes[rank]);
    total += sizes[rank];
    if (total > std::numeric_limits<int>::max())  // MPI counts are int
      throw Error(ErrorKind::kInternal, "the ranks' texts are more than 2 GB together");
  }
  std::string all(total, '\0');
  comm.session().run([&](MPI_Request* request) {
    check_mpi(MPI_Iallgatherv(own.data(), static_cast<int>(own.size()), MPI_CHAR, all.data(), counts.data(),
                              places.data(), MPI_CHAR, comm.handle(), request),
              "MPI_Iallgatherv");
  });
  std::vector<std::string> texts;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    texts.push_back(all.substr(static_cast<std::size_t>(places[rank]), sizes[rank]));
  return texts;
}

std::vector<std::string> all_gather_texts(MpiSession& session, const std::string& own) {
  return all_gather_texts(duplicate_world(session), own);
}

MpiComm trainers_communicator(MpiSession& session, const Topology& topology) {
  // MPI_Comm_split spins until all are there, and a service may read a long list first: meet without
  // spinning.
  session.run([](MPI_Request* request) { check_mpi(MPI_Ibarrier(MPI_COMM_WORLD, request), "MPI_Ibarrier"); });
  const MPI_Comm comm = session.call([&topology] {
    MPI_Comm split = MPI_COMM_NULL;
    const int color = topology.role == Role::kTrainer ? 0 : MPI_UNDEFINED;
    check_mpi(MPI_Comm_split(MPI_COMM_WORLD, color, topology.trainer_rank, &split), "MPI_Comm_split");
    return split;
  });
  return {session, comm};
}

std::vector<ProcessReport> gather_reports(MpiSession& session, Role role) {
  return session.call([&] {
    MPI_Comm node = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, session.rank(), MPI_INFO_NULL, &node),
              "MPI_Comm_split_type");
    int mine[2] = {static_cast<int>(role), session.rank()};
    check_mpi(MPI_Bcast(&mine[1], 1, MPI_INT, 0, node), "MPI_Bcast");
    check_mpi(MPI_Comm_free(&node), "MPI_Comm_free");
    std::vector<int> all(static_cast<std::size_t>(session.size()) * 2);
    check_mpi(MPI_Allgather(mine, 2, MPI_INT, all.data(), 2, MPI_INT, MPI_COMM_WORLD), "MPI_Allgather");
    std::vector<ProcessReport> reports;
    for (std::size_t i = 0; i < all.size(); i += 2)
      reports.push_back({static_cast<Role>(all[i]), all[i + 1]});
    return reports;
  });
}

std::string broadcast_text(MpiSession& session, std::string text, int root) {
  return broadcast_text(session, MPI_COMM_WORLD, std::move(text), root);
}

std::string broadcast_text(const MpiComm& comm, std::string text, int root) {
  return broadcast_text(comm.session(), comm.handle(), std::move(text), root);
}

std::uint64_t broadcast_nonce(MpiSession& session) {
  std::random_device device;
  std::uint64_t nonce = (std::uint64_t{device()} << 32) | device();
  broadcast_bytes(session, MPI_COMM_WORLD, &nonce, sizeof nonce, 0);
  return nonce;
}

}  // namespace facetrain
