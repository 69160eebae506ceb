// CUDA's words, so that a .cu file compiles as C++ and its kernels run on the CPU: block after block, the
// threads of a block in turn from barrier to barrier. launches_as_calls.cmake writes `kernel<<<...>>>(...)`
// and `__shared__` as calls of what is here.
//
// Its rules are stricter than a GPU's. A launch throws std::logic_error where a thread of a block ends while
// another waits at a barrier, where threads wait at different barriers or shuffles, where a shuffle lacks a
// thread of its warp, and where a block wants more shared memory than every GPU has. Shared memory begins as
// NaN, anew in each block. What a kernel computes must not depend on the order of threads and blocks between
// barriers: run it in several.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <source_location>

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __expf(x) ::on_cpu::fast_exponential(x)  // the C library declares a function of this name

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
extern dim3 threadIdx, blockIdx, blockDim, gridDim;  // of the thread that runs

using cudaStream_t = struct CUstream_st*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidConfiguration = 9 };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount = 16 };
cudaError_t cudaGetLastError();
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
const char* cudaGetErrorString(cudaError_t error);

namespace on_cpu {

using Site = std::source_location;

enum class Order { kForward, kBackward, kMixed };
void set_order(Order order);         // of threads between barriers, and of blocks, from now on
int set_multiprocessors(int count);  // that the GPU says it has, from now on (20); what it said before

// A launch of `thread`, which is what each thread does. More than a GPU can do is cudaGetLastError()'s.
void launch(const dim3& grid, const dim3& block, std::size_t shared, const std::function<void()>& thread);

// kernel<<<grid, block, shared, stream>>>: to be called with the arguments.
template <typename... Parameters>
auto kernel(void (*of_thread)(Parameters...), dim3 grid, dim3 block, std::size_t shared, cudaStream_t) {
  return [=](Parameters... arguments) { launch(grid, block, shared, [&] { of_thread(arguments...); }); };
}

// The block's memory for the __shared__ variable declared at `site`.
void* shared_bytes(std::size_t count, const Site& site);
template <typename T>
T& shared(Site site = Site::current()) {
  return *static_cast<T*>(shared_bytes(sizeof(T), site));
}

// What the thread `down` lanes further in the warp passes to the same call; one's own where there is none.
std::uint64_t shuffle_down(std::uint32_t mask, std::uint64_t value, unsigned down, const Site& site);
// Of the lane whose number differs in `bits`.
std::uint64_t shuffle_xor(std::uint32_t mask, std::uint64_t value, unsigned bits, const Site& site);

// As the hardware does it: one rounding of the product, whose error grows with x, before the power of two.
inline float fast_exponential(float x) {
  return std::exp2(x * 1.44269504f);
}

}  // namespace on_cpu

void __syncthreads(on_cpu::Site site = on_cpu::Site::current());

namespace on_cpu {

// A shuffle of 64 bits as one of T.
template <typename T, typename Shuffle>
T shuffled(T value, const Shuffle& shuffle) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = shuffle(bits);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace on_cpu

template <typename T>
T __shfl_down_sync(std::uint32_t mask, T value, unsigned down, on_cpu::Site site = on_cpu::Site::current()) {
  return on_cpu::shuffled(value,
                          [&](std::uint64_t bits) { return on_cpu::shuffle_down(mask, bits, down, site); });
}
template <typename T>
T __shfl_xor_sync(std::uint32_t mask, T value, unsigned lanes, on_cpu::Site site = on_cpu::Site::current()) {
  return on_cpu::shuffled(value,
                          [&](std::uint64_t bits) { return on_cpu::shuffle_xor(mask, bits, lanes, site); });
}
