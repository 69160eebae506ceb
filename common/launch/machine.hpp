// What the launcher needs to know of the machine, as a value, so that the launch line is a pure function.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

namespace facetrain {

struct Machine {
  int cores = 1;         // physical cores of the affinity mask: the slots that mpirun counts
  int gpus = 0;          // GPUs that CUDA would show, or 0 where this build has no CUDA
  bool is_root = false;  // effective uid 0: mpirun wants to be told that this is meant
  int node_tasks = 0;    // processes on a node that a Slurm job was asked for (--ntasks-per-node); 0: none
};

Machine this_machine();

// GPUs visible to CUDA: /dev/nvidiaN devices, narrowed by CUDA_VISIBLE_DEVICES (numbers or UUIDs, up to the
// first that does not exist, as CUDA reads it; empty: none).
int visible_gpus(int devices, const std::optional<std::string>& cuda_visible_devices);

using Environment = std::map<std::string, std::string>;
Environment this_environment();

// FACETRAIN_TEST_GPUS=N: place a job as if this machine had N GPUs. Only for tests of launches where there
// are none: launcher and trainers count N and share them out, but what computes is the CPU.
std::optional<int> pretended_gpus(const Environment& environment);

}  // namespace facetrain
