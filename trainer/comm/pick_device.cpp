#include <string>

#include "common/error.hpp"
#include "common/launch/launch_plan.hpp"
#include "common/launch/machine.hpp"
#include "trainer/cuda/device.hpp"

namespace facetrain {

int pick_device(int local_trainer, int node_trainers, int visible, const config_types::Ints& gpus) {
  if (visible == 1) return 0;
  for (const std::int64_t gpu : gpus) {
    if (gpu < visible) continue;
    throw Error(ErrorKind::kConfig, "launch.gpus names GPU " + std::to_string(gpu) + " but only " +
                                        std::to_string(visible) + " GPUs are visible (numbered from 0)");
  }
  const int usable = gpus.empty() ? visible : static_cast<int>(gpus.size());
  if (node_trainers > usable) {
    throw Error(ErrorKind::kConfig,
                std::to_string(node_trainers) + " trainers on this node but " + std::to_string(usable) +
                    " GPUs visible; set launch.trainers to the number of GPUs, or name them with --gpus");
  }
  return gpu_of_trainer(gpus, local_trainer, visible);
}

int picked_gpu(const Topology& topology, const config_types::Ints& gpus) {
  const int visible = pretended_gpus(this_environment()).value_or(device_count());
  return visible == 0 ? kOnCpu : pick_device(topology.local_trainer, topology.node_trainers, visible, gpus);
}

}  // namespace facetrain
