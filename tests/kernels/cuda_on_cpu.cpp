#include "tests/kernels/cuda_on_cpu.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/kernels/fiber.hpp"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace on_cpu {
namespace {

constexpr unsigned kWarp = 32, kMostThreads = 1024, kMostColumnBlocks = 65535;
constexpr std::size_t kMostShared = std::size_t{48} << 10;

enum class State { kRuns, kAtShuffle, kAtBarrier, kEnded };

struct Thread {
  std::unique_ptr<facetrain::test::Fiber> fiber;
  State state = State::kRuns;
  Site site;
  // What it gives to shuffles, by turns: others read the one until all have come to the next.
  std::uint64_t given[2] = {};
  unsigned shuffles = 0;
};

struct SharedArray {
  Site site;
  std::size_t count;
  std::unique_ptr<unsigned char[]> bytes;
};

// The machine. Kernels know it by CUDA's global names, so that there is one.
struct Gpu {
  Order order = Order::kForward;
  std::mt19937 mixer{1};
  cudaError_t error = cudaSuccess;
  const std::function<void()>* work = nullptr;  // of a thread
  std::vector<Thread> threads;                  // of a block
  std::size_t current = 0;
  std::vector<SharedArray> shared;
  std::exception_ptr failure;
};
Gpu gpu;

bool same(const Site& a, const Site& b) {
  return a.line() == b.line() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

[[noreturn]] void fail(const std::string& what, const Site& site) {
  throw std::logic_error(std::string(site.file_name()) + ":" + std::to_string(site.line()) + ": block (" +
                         std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + "): " + what);
}

void wait(State state, const Site& site) {
  Thread& self = gpu.threads[gpu.current];
  self.state = state;
  self.site = site;
  self.fiber->give_way();
}

// A fiber is kept for the threads of later blocks.
[[noreturn]] void live() {
  for (;;) {
    try {
      (*gpu.work)();
    } catch (...) {
      gpu.failure = std::current_exception();
    }
    wait(State::kEnded, Site::current());
  }
}

std::vector<std::size_t> ordered(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (gpu.order == Order::kBackward) std::reverse(order.begin(), order.end());
  if (gpu.order == Order::kMixed) std::shuffle(order.begin(), order.end(), gpu.mixer);
  return order;
}

// Whether `expected` threads from `begin` on all wait in `state`, and at one place; then they go on. Where
// some do, the others must come too: at once, unless they still `may_come`.
bool release(State state, std::size_t begin, std::size_t expected, const char* what, bool may_come) {
  const auto first = gpu.threads.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto last =
      gpu.threads.begin() + static_cast<std::ptrdiff_t>(std::min(begin + expected, gpu.threads.size()));
  const auto waits = [&](const Thread& thread) { return thread.state == state; };
  const auto count = static_cast<std::size_t>(std::count_if(first, last, waits));
  if (count == 0 || (count < expected && may_come)) return false;
  const Site& site = std::find_if(first, last, waits)->site;
  if (count < expected)
    fail(std::to_string(count) + " of " + std::to_string(expected) + " threads are at this " + what, site);
  if (!std::all_of(first, last, [&](const Thread& thread) { return same(thread.site, site); }))
    fail(std::string("not all threads are at this ") + what, site);
  std::for_each(first, last, [](Thread& thread) { thread.state = State::kRuns; });
  return true;
}

void run_block() {
  gpu.shared.clear();
  for (Thread& thread : gpu.threads) thread.state = State::kRuns, thread.shuffles = 0;
  const std::size_t count = gpu.threads.size();
  for (bool going = true; going;) {
    for (const std::size_t i : ordered(count)) {
      if (gpu.threads[i].state != State::kRuns) continue;
      gpu.current = i;
      threadIdx = {static_cast<unsigned>(i) % blockDim.x, static_cast<unsigned>(i) / blockDim.x};
      gpu.threads[i].fiber->resume();
      if (gpu.failure) std::rethrow_exception(std::exchange(gpu.failure, nullptr));
    }
    going = false;
    for (std::size_t begin = 0; begin < count; begin += kWarp)
      if (release(State::kAtShuffle, begin, kWarp, "shuffle", false)) going = true;
    if (release(State::kAtBarrier, 0, count, "barrier", going)) going = true;
  }
}

}  // namespace

void set_order(Order order) {
  gpu.order = order;
}

void launch(const dim3& grid, const dim3& block, std::size_t shared, const std::function<void()>& thread) {
  const std::size_t threads = std::size_t{block.x} * block.y, blocks = std::size_t{grid.x} * grid.y;
  if (threads == 0 || threads > kMostThreads || blocks == 0 || grid.x > 0x7fffffffu ||
      grid.y > kMostColumnBlocks || block.z != 1 || grid.z != 1 || shared > kMostShared) {
    gpu.error = cudaErrorInvalidConfiguration;
    return;
  }
  gridDim = grid, blockDim = block;
  gpu.work = &thread;
  gpu.threads.resize(threads);
  for (Thread& one : gpu.threads)
    if (!one.fiber) one.fiber = std::make_unique<facetrain::test::Fiber>(live);
  try {
    for (const std::size_t i : ordered(blocks)) {
      blockIdx = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x)};
      run_block();
    }
  } catch (...) {
    gpu.threads.clear();  // they wait where they will never go on
    throw;
  }
}

void* shared_bytes(std::size_t count, const Site& site) {
  std::size_t all = count;
  for (const SharedArray& array : gpu.shared) {
    if (same(array.site, site)) return array.bytes.get();
    all += array.count;
  }
  if (all > kMostShared) fail(std::to_string(all) + " bytes of shared memory", site);
  gpu.shared.push_back({site, count, std::make_unique_for_overwrite<unsigned char[]>(count)});
  std::memset(gpu.shared.back().bytes.get(), 0xff, count);
  return gpu.shared.back().bytes.get();
}

std::uint64_t shuffle_down(std::uint32_t mask, std::uint64_t value, unsigned down, const Site& site) {
  if (mask != 0xffffffffu) fail("a shuffle of a part of the warp", site);
  const std::size_t self = gpu.current, warp = self / kWarp * kWarp, from = self + down;
  const unsigned turn = gpu.threads[self].shuffles++ % 2;
  gpu.threads[self].given[turn] = value;
  wait(State::kAtShuffle, site);
  return from < warp + kWarp ? gpu.threads[from].given[turn] : value;
}

}  // namespace on_cpu

void __syncthreads(on_cpu::Site site) {
  on_cpu::wait(on_cpu::State::kAtBarrier, site);
}

cudaError_t cudaGetLastError() {
  return std::exchange(on_cpu::gpu.error, cudaSuccess);
}

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "invalid configuration argument";
}
