// How a process of either role enters the job: who is where, the configuration (one process reads the file,
// the others get its bytes), and the nonce that names this run's sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/checkpoint/manifest.hpp"
#include "common/config/config.hpp"
#include "common/config/job_kind.hpp"
#include "common/mpi/session.hpp"
#include "common/topology.hpp"

namespace facetrain {

// The command line of both roles: --config FILE [--set table.key=value]... [--progress].
struct JobArguments {
  std::string config_path;
  std::vector<std::string> sets;
  bool progress = false;  // draw a progress bar (the launcher saw a terminal)
};
// Throws Error(kConfig).
JobArguments parse_job_arguments(std::span<char* const> arguments);

struct Job {
  Config config;
  std::uint64_t config_digest = 0;
  Topology topology;
  std::uint64_t nonce = 0;
};

// Collective over the world. World rank 0 alone reads and checks, so that a mistake is reported once: it
// throws Error(kConfig) for programs of different builds, a bad file, missing roles, or trainers per node
// other than launch.trainers (with the corrected line).
Job join_job(MpiSession& session, Role role, const JobArguments& arguments);

// What this node's data service has read, compared with the other nodes'; trainers, which have read nothing,
// take part with nullopt, before trainers_communicator(). Throws Error(kConfig) on world rank 0 where nodes
// read different data. Collective over the world.
void require_same_data(MpiSession& session, const Job& job, const std::optional<DataIdentity>& read);

// "dataservice (rank 0 on host n1)": who speaks, in a log line.
std::string process_name(const char* program, int world_rank);

// Jobs of several nodes: each process writes its place to its standard output, in the words of --dry-run.
// gpu: CUDA's number, or kOnCpu.
void report_place(const Topology& topology, int gpu);

}  // namespace facetrain
