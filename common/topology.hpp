// Where a process sits in the job: its role, its node, its place among the trainers. A value that is computed
// once from what every process reports and then passed; nobody looks it up.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace facetrain {

enum class Role { kService = 0, kTrainer = 1 };

// What a process knows of itself right after MPI_Init.
struct ProcessReport {
  Role role = Role::kTrainer;
  int node = 0;  // any number that is equal for the processes of one node and differs between nodes
};

struct Topology {
  Role role = Role::kTrainer;
  int world_rank = 0;  // in MPI_COMM_WORLD
  int world_size = 1;
  int node = 0;  // 0 .. nodes - 1, by the nodes' lowest world rank
  int nodes = 1;
  int trainer_rank = 0;   // this trainer among all trainers (a service: that of its node's first trainer)
  int trainer_world = 1;  // trainers in the job
  int local_trainer = 0;  // this trainer among those of its node; picks the GPU
  int node_trainers = 1;  // trainers on this node
  int service_world_rank = 0;  // world rank of this node's data service
};

// reports[i] is world rank i's. Trainer ranks go node by node, and by world rank inside a node.
// Throws Error(kConfig) naming the node when one has no service, more than one, or no trainer.
Topology make_topology(std::span<const ProcessReport> reports, int world_rank);

}  // namespace facetrain
