// The device, and what CUDA says of it.
#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <map>

#include "tests/gpu/stand_in/call.hpp"

using namespace facetrain::stand_in;

namespace {

thread_local int current = 0;
thread_local cudaError_t last = cudaSuccess;

}  // namespace

namespace facetrain::stand_in {

cudaError_t said(cudaError_t result) {
  if (result != cudaSuccess) last = result;
  return result;
}

cudaError_t sound() {
  return said(Device::get().broken() ? cudaErrorIllegalAddress : cudaSuccess);
}

}  // namespace facetrain::stand_in

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
