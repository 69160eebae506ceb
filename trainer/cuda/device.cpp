#include "trainer/cuda/device.hpp"

#include "common/launch/machine.hpp"
#include "trainer/cuda/check_cuda.hpp"

namespace facetrain {

int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  (void)cudaGetLastError();
  return 0;
}

const char* why_no_device() {
  int count = 0;
  const cudaError_t result = cudaGetDeviceCount(&count);
  (void)cudaGetLastError();
  return cudaGetErrorString(result);
}

c10::Device training_device(const Topology& topology, const config_types::Ints& gpus) {
  const int visible = pretended_gpus(this_environment()).value_or(device_count());
  if (visible == 0) return c10::Device(c10::kCPU);
  const int index = pick_device(topology.local_trainer, topology.node_trainers, visible, gpus);
  check_cuda(cudaSetDevice(index), "cudaSetDevice(" + std::to_string(index) + ")");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace facetrain
