// Memory: allocations, pinned memory, copies.
#include <cstdlib>
#include <cstring>

#include "tests/gpu/stand_in/call.hpp"

using namespace facetrain::stand_in;

namespace {

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
  // CUDA may make the host wait for a copy from or into memory that is not pinned.
  if (waits || (down && target == Memory::kUnknown) || (up && source == Memory::kUnknown))
    device.waited("a copy that waits");
  std::memmove(to, from, bytes);
  return sound();
}

}  // namespace

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
