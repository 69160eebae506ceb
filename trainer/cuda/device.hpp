// Which device a trainer computes on. The whole of trainer/cuda/ has the same headers in every build: without
// CUDA they are implemented by absent.cpp (no devices), so that nobody outside needs an #ifdef.
#pragma once

#include <c10/core/Device.h>

#include "common/config/config.hpp"

#include "common/topology.hpp"

namespace facetrain {

// CUDA devices that this process may use; 0 without a driver, and in a CPU-only build.
int device_count();

// Why there is none: "CPU-only build" or the driver's words. For the log.
const char* why_no_device();

// The device for trainer `local_trainer` of `node_trainers` on this node, out of `visible` ones. A single
// visible device is this trainer's own (Slurm's --gpus-per-task, a per-rank CUDA_VISIBLE_DEVICES): that two
// ranks do not share it is checked where they first talk (NcclCommunicator). Throws Error(kConfig) with both
// numbers when there are more trainers than GPUs.
int pick_device(int local_trainer, int node_trainers, int visible, const config_types::Ints& gpus = {});

// pick_device() of this process, kOnCpu when device_count() is 0. gpus: launch.gpus, the devices to use in
// the order of the node's trainers (empty: all). Throws Error(kConfig) naming a GPU that is not there.
int picked_gpu(const Topology& topology, const config_types::Ints& gpus = {});

// picked_gpu() as a device, made the calling thread's current one.
c10::Device training_device(const Topology& topology, const config_types::Ints& gpus = {});

}  // namespace facetrain
