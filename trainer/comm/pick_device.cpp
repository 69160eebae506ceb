#include <string>

#include "common/error.hpp"
#include "trainer/cuda/device.hpp"

namespace facetrain {

int pick_device(int local_trainer, int node_trainers, int visible, std::span<const std::int64_t> gpus) {
  if (visible == 1) return 0;
  for (const std::int64_t gpu : gpus) {
    if (gpu < visible) continue;
    throw Error(ErrorKind::kConfig, "launch.gpus names GPU " + std::to_string(gpu) + " but only " +
                                        std::to_string(visible) + " GPUs are visible (numbered from 0)");
  }
  if (!gpus.empty()) visible = static_cast<int>(gpus.size());
  if (node_trainers > visible) {
    throw Error(ErrorKind::kConfig,
                std::to_string(node_trainers) + " trainers on this node but " + std::to_string(visible) +
                    " GPUs visible; set launch.trainers to the number of GPUs, or name them with --gpus");
  }
  return gpus.empty() ? local_trainer : static_cast<int>(gpus[static_cast<std::size_t>(local_trainer)]);
}

}  // namespace facetrain
