// MPI communicators as owned values, and the few collectives that start a job: who is where, the
// configuration's bytes, a nonce. Everything here is collective over the communicator named.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/mpi/session.hpp"
#include "common/topology.hpp"

namespace facetrain {

// Owns an MPI_Comm; freed on the MPI thread. Must end before its session. Empty for a process that is not a
// member.
class MpiComm {
 public:
  MpiComm() = default;
  MpiComm(MpiSession& session, MPI_Comm comm);  // takes `comm` over
  ~MpiComm();
  MpiComm(MpiComm&& other) noexcept;
  MpiComm& operator=(MpiComm&& other) noexcept;

  explicit operator bool() const { return comm_ != MPI_COMM_NULL; }
  MpiSession& session() const { return *session_; }
  MPI_Comm handle() const { return comm_; }
  int rank() const { return rank_; }
  int size() const { return size_; }

 private:
  void free() noexcept;

  MpiSession* session_ = nullptr;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 0;
};

// A copy of MPI_COMM_WORLD with its own message space. Collective over the world.
MpiComm duplicate_world(MpiSession& session);
// The same of a communicator. Collective over it.
MpiComm duplicate(const MpiComm& comm);

// Every member's text, by rank, on every member. Collective over the communicator; 2 GB in all at most, else
// Error(kInternal).
std::vector<std::string> all_gather_texts(const MpiComm& comm, const std::string& own);
// The same of a job's processes. Collective over the world.
std::vector<std::string> all_gather_texts(MpiSession& session, const std::string& own);

// The trainers' own communicator, ranked by topology.trainer_rank; empty on a service. Collective over the
// world.
MpiComm trainers_communicator(MpiSession& session, const Topology& topology);

// Every process's role and node, by world rank: the input of make_topology. A node is a shared-memory domain
// (MPI_COMM_TYPE_SHARED), numbered by its lowest world rank. Collective over the world.
std::vector<ProcessReport> gather_reports(MpiSession& session, Role role);

// World rank root's text, on every rank (the others' argument is ignored). Collective over the world.
std::string broadcast_text(MpiSession& session, std::string text, int root = 0);
// The same over the members of a communicator, from its rank root.
std::string broadcast_text(const MpiComm& comm, std::string text, int root = 0);

// A random number drawn by world rank 0, equal on every rank: names this run's sockets. Collective over the
// world.
std::uint64_t broadcast_nonce(MpiSession& session);

}  // namespace facetrain
