// Kernels: they are counted, their configurations are checked, and fills of small memory are made.
#include <cstdio>
#include <cstring>
#include <map>

#include "tests/gpu/stand_in/call.hpp"

using namespace facetrain::stand_in;

namespace {

// Kernels by the host's function for them. Never destroyed, and made before main(): registration is then.
std::map<const void*, const char*>& kernels() {
  static auto* const all = new std::map<const void*, const char*>;
  return *all;
}

// LibTorch's fill of contiguous memory, which initialises numbers that the host reads (a loss scale, a flag).
void fill(const char* name, void** arguments) {
  if (std::strstr(name, "vectorized_elementwise_kernel") == nullptr) return;
  const char* functor = std::strstr(name, "FillFunctorI");
  if (functor == nullptr) return;
  const char type = functor[std::strlen("FillFunctorI")];
  const long size = type == 'f' || type == 'i' ? 4 : type == 'd' || type == 'l' ? 8 : type == 'b' ? 1 : 2;
  const int count = *static_cast<int*>(arguments[0]);
  if (count * size > kSmall) return;
  char* to = *static_cast<char**>(arguments[2]);
  for (int i = 0; i < count; ++i) std::memcpy(to + i * size, arguments[1], static_cast<std::size_t>(size));
}

cudaError_t launch(const void* function, dim3 grid, dim3 block, void** arguments) {
  const auto kernel = kernels().find(function);
  const char* name = kernel == kernels().end() ? "a kernel" : kernel->second;
  Device::get().launched(name);
  const bool fits = grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.y < 65536 && grid.z < 65536 &&
                    block.x > 0 && block.y > 0 && block.z > 0 && block.x * block.y * block.z <= 1024;
  if (!fits) {
    std::fprintf(stderr, "stand-in for CUDA: %s: grid (%u, %u, %u), block (%u, %u, %u)\n", name, grid.x,
                 grid.y, grid.z, block.x, block.y, block.z);
    return said(cudaErrorInvalidConfiguration);
  }
  if (arguments != nullptr) fill(name, arguments);
  return sound();
}

struct Configuration {
  dim3 grid, block;
  std::size_t shared;
  void* stream;
};
thread_local Configuration pushed;

}  // namespace

STAND_IN void** __cudaRegisterFatBinary(void*) {
  static void* handle = nullptr;
  return &handle;
}
STAND_IN void __cudaRegisterFatBinaryEnd(void**) {}
STAND_IN void __cudaUnregisterFatBinary(void**) {}
STAND_IN void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
STAND_IN void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, uint3*, uint3*,
                                     dim3*, dim3*, int*) {
  kernels()[host] = name;
}
STAND_IN unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, CUstream_st* stream) {
  pushed = {grid, block, shared, stream};
  return 0;
}
STAND_IN cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  *grid = pushed.grid, *block = pushed.block, *shared = pushed.shared;
  *static_cast<void**>(stream) = pushed.stream;
  return cudaSuccess;
}
STAND_IN cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = static_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}
STAND_IN cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t,
                                        cudaStream_t) {
  return launch(kernel, grid, block, arguments);
}
STAND_IN cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, size_t,
                                      cudaStream_t) {
  return launch(kernel, grid, block, arguments);
}
STAND_IN cudaError_t cudaLaunchCooperativeKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                                                 size_t, cudaStream_t) {
  return launch(kernel, grid, block, arguments);
}
STAND_IN cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel, void**) {
  return launch(kernel, config->gridDim, config->blockDim, nullptr);
}
