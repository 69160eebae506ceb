// The CUDA run time's functions that LibTorch and facetrain call. Events carry the host's time.
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include <dlfcn.h>

#include "tests/gpu/stand_in/device.hpp"

using namespace facetrain::stand_in;

namespace {

thread_local int current = 0;
thread_local cudaError_t last = cudaSuccess;

cudaError_t said(cudaError_t result) {
  if (result != cudaSuccess) last = result;
  return result;
}

struct Event {
  std::chrono::steady_clock::time_point at;
};
Event* event_of(cudaEvent_t event) {
  return reinterpret_cast<Event*>(event);
}

// Kernels by the host's function for them. Never destroyed, and made before main(): registration is then.
std::map<const void*, const char*>& kernels() {
  static auto* const all = new std::map<const void*, const char*>;
  return *all;
}

constexpr long kSmall = 1 << 20;  // bytes of a fill that is made

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
  return cudaSuccess;
}

struct Configuration {
  dim3 grid, block;
  std::size_t shared;
  void* stream;
};
thread_local Configuration pushed;

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, bool waits) {
  Device& device = Device::get();
  const Memory source = device.kind_of(from), target = device.kind_of(to);
  if (kind == cudaMemcpyDeviceToDevice) {
    if (bytes <= kSmall) std::memmove(to, from, bytes);
    return cudaSuccess;
  }
  const bool down = kind == cudaMemcpyDeviceToHost, up = kind == cudaMemcpyHostToDevice;
  if ((down && (source != Memory::kDevice || target == Memory::kDevice)) ||
      (up && (source == Memory::kDevice || target != Memory::kDevice)))
    return said(cudaErrorInvalidValue);
  // CUDA makes the host wait for a copy into memory that is not pinned.
  if (waits || (down && target == Memory::kUnknown)) device.waited("a copy that waits");
  std::memmove(to, from, bytes);
  return cudaSuccess;
}

}  // namespace

#define STAND_IN extern "C" __attribute__((visibility("default")))

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

// --- devices
// -----------------------------------------------------------------------------------------------------
STAND_IN cudaError_t cudaGetDeviceCount(int* count) {
  *count = Device::get().count();
  return cudaSuccess;
}
STAND_IN cudaError_t cudaGetDevice(int* device) {
  *device = current;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= Device::get().count()) return said(cudaErrorInvalidDevice);
  current = device;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  *p = {};
  std::strcpy(p->name, "stand-in");
  p->uuid.bytes[0] = static_cast<char>(device + 1);
  p->totalGlobalMem = Device::get().total();
  p->major = 9, p->warpSize = 32, p->multiProcessorCount = 132;
  p->maxThreadsPerBlock = 1024, p->maxThreadsPerMultiProcessor = 2048, p->maxBlocksPerMultiProcessor = 32;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024, p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647, p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->sharedMemPerBlock = 49152, p->sharedMemPerBlockOptin = 232448, p->sharedMemPerMultiprocessor = 233472;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->l2CacheSize = 50 << 20, p->memoryBusWidth = 5120, p->textureAlignment = 512;
  p->unifiedAddressing = p->canMapHostMemory = p->concurrentKernels = p->streamPrioritiesSupported = 1;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  cudaGetDeviceProperties(&p, device);
  const std::map<cudaDeviceAttr, int> known{
      {cudaDevAttrMultiProcessorCount, p.multiProcessorCount},
      {cudaDevAttrMaxThreadsPerBlock, p.maxThreadsPerBlock},
      {cudaDevAttrMaxThreadsPerMultiProcessor, p.maxThreadsPerMultiProcessor},
      {cudaDevAttrMaxBlocksPerMultiprocessor, p.maxBlocksPerMultiProcessor},
      {cudaDevAttrComputeCapabilityMajor, p.major},
      {cudaDevAttrComputeCapabilityMinor, p.minor},
      {cudaDevAttrWarpSize, p.warpSize},
      {cudaDevAttrMaxSharedMemoryPerBlock, static_cast<int>(p.sharedMemPerBlock)},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin, static_cast<int>(p.sharedMemPerBlockOptin)},
      {cudaDevAttrMaxGridDimX, p.maxGridSize[0]},
      {cudaDevAttrMaxGridDimY, p.maxGridSize[1]},
      {cudaDevAttrMaxGridDimZ, p.maxGridSize[2]},
      {cudaDevAttrMaxRegistersPerBlock, p.regsPerBlock}};
  const auto one = known.find(attribute);
  *value = one == known.end() ? 1 : one->second;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0, *greatest = -5;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaDeviceGetPCIBusId(char* text, int size, int device) {
  std::snprintf(text, static_cast<std::size_t>(size), "0000:%02x:00.0", device + 1);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaDeviceSynchronize() {
  Device::get().waited("cudaDeviceSynchronize");
  return cudaSuccess;
}
STAND_IN cudaError_t cudaGetLastError() {
  const cudaError_t result = last;
  last = cudaSuccess;
  return result;
}
STAND_IN cudaError_t cudaPeekAtLastError() {
  return last;
}
STAND_IN cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024, attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int, size_t) {
  *blocks = 2;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int,
                                                                            size_t, unsigned) {
  *blocks = 2;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned,
                                                      unsigned long long,
                                                      cudaDriverEntryPointQueryResult* result) {
  *function = dlsym(RTLD_DEFAULT, name);
  if (result != nullptr)
    *result = *function == nullptr ? cudaDriverEntryPointSymbolNotFound : cudaDriverEntryPointSuccess;
  return *function == nullptr ? said(cudaErrorSymbolNotFound) : cudaSuccess;
}

// --- memory
// ------------------------------------------------------------------------------------------------------
STAND_IN cudaError_t cudaMalloc(void** at, size_t bytes) {
  return said(Device::get().allocate(at, bytes));
}
STAND_IN cudaError_t cudaFree(void* at) {
  return said(Device::get().release(at));
}
STAND_IN cudaError_t cudaMemGetInfo(size_t* left, size_t* total) {
  *total = Device::get().total();
  *left = *total - Device::get().used();
  return cudaSuccess;
}
STAND_IN cudaError_t cudaHostAlloc(void** at, size_t bytes, unsigned) {
  *at = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (*at == nullptr) return said(cudaErrorMemoryAllocation);
  Device::get().pin(*at, bytes);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaFreeHost(void* at) {
  Device::get().unpin(at);
  std::free(at);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaHostRegister(void* at, size_t bytes, unsigned) {
  return Device::get().pin(at, bytes) ? cudaSuccess : said(cudaErrorHostMemoryAlreadyRegistered);
}
STAND_IN cudaError_t cudaHostUnregister(void* at) {
  return Device::get().unpin(at) ? cudaSuccess : said(cudaErrorHostMemoryNotRegistered);
}
STAND_IN cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* at) {
  *attributes = {};
  const Memory kind = Device::get().kind_of(at);
  attributes->type = kind == Memory::kDevice   ? cudaMemoryTypeDevice
                     : kind == Memory::kPinned ? cudaMemoryTypeHost
                                               : cudaMemoryTypeUnregistered;
  attributes->devicePointer = const_cast<void*>(at);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return copy(to, from, bytes, kind, true);
}
STAND_IN cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                     cudaStream_t) {
  return copy(to, from, bytes, kind, false);
}
STAND_IN cudaError_t cudaMemset(void*, int, size_t) {
  Device::get().launched("cudaMemset");
  return cudaSuccess;
}
STAND_IN cudaError_t cudaMemsetAsync(void*, int, size_t, cudaStream_t) {
  Device::get().launched("cudaMemset");
  return cudaSuccess;
}

// --- streams and events
// ------------------------------------------------------------------------------------------
STAND_IN cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
  *stream = reinterpret_cast<cudaStream_t>(new int);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamDestroy(cudaStream_t) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamQuery(cudaStream_t) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamSynchronize(cudaStream_t) {
  Device::get().waited("cudaStreamSynchronize");
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamGetCaptureInfo(cudaStream_t, cudaStreamCaptureStatus* status,
                                              unsigned long long*, cudaGraph_t*, const cudaGraphNode_t**,
                                              const cudaGraphEdgeData**, size_t*) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode*) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
STAND_IN cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event_of(event);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event_of(event)->at = std::chrono::steady_clock::now();
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  return cudaEventRecord(event, stream);
}
STAND_IN cudaError_t cudaEventQuery(cudaEvent_t) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventSynchronize(cudaEvent_t) {
  Device::get().waited("cudaEventSynchronize");
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  *milliseconds = std::chrono::duration<float, std::milli>(event_of(to)->at - event_of(from)->at).count();
  return cudaSuccess;
}
