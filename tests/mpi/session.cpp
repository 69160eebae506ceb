// MpiSession and the collectives that start a job.
#include "common/mpi/session.hpp"

#include <sys/resource.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "common/mpi/communicators.hpp"
#include "tests/mpi/world.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::session;

namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

}  // namespace

TEST_CASE("every call runs on the one MPI thread, in order, and brings its result or its exception back") {
  const auto thread = session().call([] { return std::this_thread::get_id(); });
  CHECK(thread != std::this_thread::get_id());
  CHECK(session().call([&] { return session().call([] { return std::this_thread::get_id(); }); }) == thread);
  std::string order;
  auto first = session().post([&] { order += "a"; });
  auto second = session().post([&] { order += "b"; });
  session().call([&] { order += "c"; });
  CHECK(order == "abc");
  second.get();
  first.get();
  CHECK_THROWS_WITH_AS(session().call([]() -> int { throw Error(ErrorKind::kIo, "mine"); }), "mine", Error);
  CHECK_THROWS_AS(session().post([] { throw Error(ErrorKind::kIo, "mine"); }).get(), Error);
  CHECK_THROWS_AS(session().run([](MPI_Request*) { throw Error(ErrorKind::kIo, "mine"); }), Error);
}

TEST_CASE("an error of MPI is an Error with MPI's text, and the session works on") {
  try {
    session().run([](MPI_Request* request) {
      int value = 0;
      check_mpi(MPI_Ibcast(&value, 1, MPI_INT, session().size(), MPI_COMM_WORLD, request), "MPI_Ibcast");
    });
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInternal);
    CHECK(std::string(error.what()).find("MPI_Ibcast failed: MPI_ERR_ROOT") != std::string::npos);
  }
  CHECK(session().call([] { return 7; }) == 7);
}

TEST_CASE("waiting for a rank that comes late burns no core, and does not keep the session from other work") {
  const MpiComm comm = duplicate_world(session());
  session().run(
      [](MPI_Request* request) { check_mpi(MPI_Ibarrier(MPI_COMM_WORLD, request), "MPI_Ibarrier"); });
  const double cpu = cpu_seconds();
  if (session().rank() == session().size() - 1) std::this_thread::sleep_for(std::chrono::seconds(1));
  auto barrier = session().start(
      [&](MPI_Request* request) { check_mpi(MPI_Ibarrier(comm.handle(), request), "MPI_Ibarrier"); });
  CHECK(session().call([] { return 7; }) == 7);  // while the barrier is open
  if (session().rank() < session().size() - 1) {
    CHECK(barrier.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout);
  }
  barrier.get();
  CHECK(cpu_seconds() - cpu < 0.25);
}

TEST_CASE("reports name every rank's role, and the processes of this machine share a node") {
  const bool serves = session().rank() == 0 && session().size() > 1;
  const auto reports = gather_reports(session(), serves ? Role::kService : Role::kTrainer);
  REQUIRE(static_cast<int>(reports.size()) == session().size());
  for (int rank = 0; rank < session().size(); ++rank) {
    CHECK(reports[rank].node == 0);
    CHECK((reports[rank].role == Role::kService) == (rank == 0 && session().size() > 1));
  }
  if (session().size() == 1) return;
  const Topology topology = make_topology(reports, session().rank());
  MpiComm trainers = trainers_communicator(session(), topology);
  CHECK(static_cast<bool>(trainers) == (session().rank() > 0));
  if (trainers) {
    CHECK(trainers.rank() == topology.trainer_rank);
    CHECK(trainers.size() == session().size() - 1);
    const MpiComm moved = std::move(trainers);
    CHECK(!trainers);
    CHECK(moved.size() == session().size() - 1);
  }
}

TEST_CASE("the text and the nonce of one rank reach all") {
  for (int root = 0; root < session().size(); ++root) {
    const std::string mine =
        session().rank() == root ? std::string(100'000, 'x') + std::to_string(root) : "other";
    CHECK(broadcast_text(session(), mine, root) == std::string(100'000, 'x') + std::to_string(root));
    CHECK(broadcast_text(session(), session().rank() == root ? "" : "other", root).empty());
  }
  const std::uint64_t nonce = broadcast_nonce(session());
  CHECK(broadcast_text(session(), std::to_string(nonce), session().size() - 1) == std::to_string(nonce));
  CHECK(broadcast_nonce(session()) != nonce);
}

TEST_CASE("every rank's text reaches every rank, empty and long ones; a copy has its own message space") {
  const MpiComm all = duplicate_world(session()), copy = duplicate(all);
  CHECK(copy.size() == session().size());
  CHECK(copy.rank() == session().rank());
  CHECK(copy.handle() != all.handle());
  const auto text_of = [](int rank) {
    return std::string(static_cast<std::size_t>(rank) * 100'000, static_cast<char>('a' + rank));
  };
  const std::vector<std::string> texts = all_gather_texts(copy, text_of(copy.rank()));
  REQUIRE(texts.size() == static_cast<std::size_t>(copy.size()));
  for (int rank = 0; rank < copy.size(); ++rank)
    CHECK(texts[static_cast<std::size_t>(rank)] == text_of(rank));
  const int last = copy.size() - 1;
  CHECK(broadcast_text(copy, "from " + std::to_string(copy.rank()), last) == "from " + std::to_string(last));
}
