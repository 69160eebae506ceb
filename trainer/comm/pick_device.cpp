#include <string>

#include "common/error.hpp"
#include "trainer/cuda/device.hpp"

namespace facetrain {

int pick_device(int local_trainer, int node_trainers, int visible) {
  if (visible == 1) return 0;
  if (node_trainers > visible) {
    throw Error(ErrorKind::kConfig,
                std::to_string(node_trainers) + " trainers on this node but " + std::to_string(visible) +
                    " GPUs visible; set launch.trainers to the number of GPUs, or name them with --gpus");
  }
  return local_trainer;
}

}  // namespace facetrain
