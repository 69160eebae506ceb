#include "tests/kernels/cuda_on_cpu.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/kernels/block_threads.hpp"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace on_cpu {
namespace {

constexpr unsigned kMostThreads = 1024, kMostBlocksY = 65535;
constexpr std::size_t kMostShared = std::size_t{48} << 10;

struct SharedArray {
  Site site;
  std::size_t count;
  std::unique_ptr<unsigned char[]> bytes;
};

std::vector<std::size_t> ordered(std::size_t count);
void begin_turn(std::size_t thread);

// Kernels know the machine by CUDA's global names: there is one.
struct Gpu {
  Order order = Order::kForward;
  int multiprocessors = 20;
  std::mt19937 mixer{1};
  cudaError_t error = cudaSuccess;
  BlockThreads threads{ordered, begin_turn};
  std::vector<SharedArray> shared;  // of the block that runs
};
Gpu gpu;

std::vector<std::size_t> ordered(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (gpu.order == Order::kBackward) std::reverse(order.begin(), order.end());
  if (gpu.order == Order::kMixed) std::shuffle(order.begin(), order.end(), gpu.mixer);
  return order;
}

void begin_turn(std::size_t thread) {
  threadIdx = {static_cast<unsigned>(thread) % blockDim.x, static_cast<unsigned>(thread) / blockDim.x};
}

}  // namespace

void set_order(Order order) {
  gpu.order = order;
}

int set_multiprocessors(int count) {
  return std::exchange(gpu.multiprocessors, count);
}

void launch(const dim3& grid, const dim3& block, std::size_t shared, const std::function<void()>& thread) {
  const std::size_t threads = std::size_t{block.x} * block.y, blocks = std::size_t{grid.x} * grid.y;
  if (threads == 0 || threads > kMostThreads || blocks == 0 || grid.x > 0x7fffffffu ||
      grid.y > kMostBlocksY || block.z != 1 || grid.z != 1 || shared > kMostShared) {
    gpu.error = cudaErrorInvalidConfiguration;
    return;
  }
  gridDim = grid, blockDim = block;
  for (const std::size_t i : ordered(blocks)) {
    blockIdx = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x)};
    gpu.shared.clear();
    gpu.threads.run(threads, thread);
  }
}

void* shared_bytes(std::size_t count, const Site& site) {
  std::size_t all = count;
  for (const SharedArray& array : gpu.shared) {
    if (array.site.line() == site.line()) return array.bytes.get();
    all += array.count;
  }
  if (all > kMostShared) fail(std::to_string(all) + " bytes of shared memory", site);
  gpu.shared.push_back({site, count, std::make_unique_for_overwrite<unsigned char[]>(count)});
  std::fill_n(gpu.shared.back().bytes.get(), count, static_cast<unsigned char>(0xff));
  return gpu.shared.back().bytes.get();
}

std::uint64_t shuffle_down(std::uint32_t mask, std::uint64_t value, unsigned down, const Site& site) {
  if (mask != 0xffffffffu) fail("a shuffle of a part of the warp", site);
  return gpu.threads.shuffle(value, gpu.threads.lane() + down, site);
}

std::uint64_t shuffle_xor(std::uint32_t mask, std::uint64_t value, unsigned bits, const Site& site) {
  if (mask != 0xffffffffu) fail("a shuffle of a part of the warp", site);
  return gpu.threads.shuffle(value, gpu.threads.lane() ^ bits, site);
}

}  // namespace on_cpu

void __syncthreads(on_cpu::Site site) {
  on_cpu::gpu.threads.wait_for_block(site);
}

cudaError_t cudaGetLastError() {
  return std::exchange(on_cpu::gpu.error, cudaSuccess);
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  if (attribute != cudaDevAttrMultiProcessorCount) return cudaErrorInvalidConfiguration;
  *value = on_cpu::gpu.multiprocessors;
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "invalid configuration argument";
}
