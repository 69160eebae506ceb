// From a configuration and a machine to the mpirun line and the place of each process. Pure: nothing here
// starts anything.
#pragma once

#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/launch/machine.hpp"
#include "common/topology.hpp"

namespace facetrain {

// What the user asked for besides the configuration.
struct LaunchRequest {
  std::string config_path;
  std::vector<std::string> sets;  // "table.key=value", passed on to every process
  int nodes = 1;
  std::string hostfile;            // mpirun's, or empty
  std::vector<std::string> hosts;  // the nodes' names in order, as far as they are known
  bool progress = false;           // draw a progress bar
};

constexpr int kOnCpu = -1;
constexpr int kGpuUnknown = -2;  // on a node other than this one

struct PlacedProcess {
  Role role = Role::kTrainer;
  int node = 0;
  std::string host;     // the node's name; empty: not known
  int local_index = 0;  // among the node's trainers
  int gpu = kOnCpu;     // CUDA's number

  int part = 0;  // this trainer's share of the data: the part'th of `parts`
  int parts = 1;
};

struct Launch {
  std::vector<std::string> argv;
  std::vector<PlacedProcess> processes;  // by world rank
  int node_processes = 2;                // a node's data service and trainers
};

// T trainers per node: launch.trainers, else the number of launch.gpus, else of GPUs, else one less than the
// batch system's tasks per node, else 1. One node:
//   mpirun --bind-to none -np 1 BIN/dataservice --config X : -np T BIN/trainer --config X
// several (Open MPI cannot place a second program per node, so one becomes either by its local rank):
//   mpirun --bind-to none -np N(1+T) --map-by ppr:(1+T):node BIN/facetrain rank --config X
// Throws Error(kConfig) when there are GPUs, but fewer than trainers, or when launch.gpus names one that is
// not there; when the batch system was asked for another number of tasks per node; when there are fewer hosts
// than nodes.
Launch compose_launch(const Config& config, const LaunchRequest& request, const Machine& machine,
                      const std::string& bin);

// A process's place as a shell comment: "# rank 2  node 0 (n1)  trainer 1  GPU 2  data part 1 of 4".
std::string placement_line(int rank, const PlacedProcess& process);

// One line per process.
std::string describe_placement(const Launch& launch);

// The same of a process that runs: what placement_line() says of it is what the launcher has foreseen.
PlacedProcess placed_process(const Topology& topology, const std::string& host, int gpu);

// The GPU of a trainer: its entry of launch.gpus, else its own number; the only one when one is visible (a
// batch system that gives each process its GPU); kOnCpu without GPUs.
int gpu_of_trainer(const config_types::Ints& gpus, int local_trainer, int visible);

}  // namespace facetrain
