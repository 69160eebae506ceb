#include "trainer/cuda/device.hpp"

#include "common/launch/launch_plan.hpp"
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
  const int index = picked_gpu(topology, gpus);
  if (index == kOnCpu) return c10::Device(c10::kCPU);
  check_cuda(cudaSetDevice(index), "cudaSetDevice(" + std::to_string(index) + ")");
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace facetrain
