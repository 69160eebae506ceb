// What the tests of kernels rest on: a launch on the CPU runs every thread, keeps barriers and shuffles, and
// shows what a GPU would do wrong in silence.
#include "tests/kernels/cuda_on_cpu.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

using on_cpu::Order;

namespace {

constexpr unsigned kThreads = 64;

// Each block's sum of its 64 values, through shared memory and through shuffles; `barrier`: as it should be.
void sum_kernel(const float* values, float* sums, bool barrier) {
  auto& warps = on_cpu::shared<float[2]>();
  float sum = values[blockIdx.x * kThreads + threadIdx.x];
  for (unsigned step = 16; step > 0; step /= 2) sum += __shfl_down_sync(0xffffffffu, sum, step);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
  if (barrier) __syncthreads();
  if (threadIdx.x == 0) sums[blockIdx.x] = warps[0] + warps[1];
}

std::vector<float> sums_of(Order order, bool barrier) {
  std::vector<float> values(3 * kThreads), sums(3, -1.0f);
  std::iota(values.begin(), values.end(), 0.0f);
  on_cpu::set_order(order);
  on_cpu::kernel(sum_kernel, 3, kThreads, 0, nullptr)(values.data(), sums.data(), barrier);
  on_cpu::set_order(Order::kForward);
  return sums;
}

void where_kernel(unsigned* places) {
  const unsigned block = blockIdx.y * gridDim.x + blockIdx.x;
  places[(block * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x] +=
      1 + threadIdx.x + 100 * threadIdx.y;
}
void early_end_kernel(unsigned last) {
  if (threadIdx.x <= last) __syncthreads();
}
void two_barriers_kernel() {
  if (threadIdx.x == 5)
    __syncthreads();
  else
    __syncthreads();
}
void part_of_a_warp_kernel() {
  if (threadIdx.x != 3) __shfl_down_sync(0xffffffffu, 1, 1);
}
void lane_kernel(int* result, unsigned down) {
  result[threadIdx.x] = __shfl_down_sync(0xffffffffu, static_cast<int>(threadIdx.x), down);
}
void partner_kernel(int* result, unsigned lanes) {
  result[threadIdx.x] = __shfl_xor_sync(0xffffffffu, static_cast<int>(threadIdx.x), lanes);
}
void much_shared_kernel() {
  on_cpu::shared<double[6145]>()[0] = 1;
}

}  // namespace

TEST_CASE("every thread of every block runs once, and knows its place") {
  std::vector<unsigned> places(6 * 20);
  on_cpu::kernel(where_kernel, dim3(3, 2), dim3(4, 5), 0, nullptr)(places.data());
  for (unsigned i = 0; i < places.size(); ++i) CHECK(places[i] == 1 + i % 4 + 100 * (i / 4 % 5));
}

TEST_CASE("sums in any order; without its barrier some order is wrong") {
  const std::vector<float> expected{2016, 6112, 10208};
  for (const Order order : {Order::kForward, Order::kBackward, Order::kMixed})
    CHECK(sums_of(order, true) == expected);
  CHECK(std::isnan(sums_of(Order::kForward, false)[0]));  // shared memory that nobody wrote
}

TEST_CASE("a lane without a partner keeps its own, and warps do not mix") {
  std::vector<int> lanes(kThreads);
  on_cpu::kernel(lane_kernel, 1, kThreads, 0, nullptr)(lanes.data(), 4);
  for (int i = 0; i < static_cast<int>(kThreads); ++i) CHECK(lanes[i] == (i % 32 < 28 ? i + 4 : i));
}

TEST_CASE("lanes change places with partners") {
  std::vector<int> lanes(kThreads);
  on_cpu::kernel(partner_kernel, 1, kThreads, 0, nullptr)(lanes.data(), 5);
  for (int i = 0; i < static_cast<int>(kThreads); ++i) CHECK(lanes[i] == (i ^ 5));
}

TEST_CASE("what a GPU would hang on or get wrong throws") {
  CHECK_NOTHROW(on_cpu::kernel(early_end_kernel, 1, 64, 0, nullptr)(63));
  CHECK_THROWS_AS(on_cpu::kernel(early_end_kernel, 1, 64, 0, nullptr)(30), std::logic_error);
  CHECK_THROWS_AS(on_cpu::kernel(two_barriers_kernel, 1, 64, 0, nullptr)(), std::logic_error);
  CHECK_THROWS_AS(on_cpu::kernel(part_of_a_warp_kernel, 1, 64, 0, nullptr)(), std::logic_error);
  int lanes[16];
  CHECK_THROWS_AS(on_cpu::kernel(lane_kernel, 1, 16, 0, nullptr)(lanes, 1), std::logic_error);
  CHECK_THROWS_AS(on_cpu::kernel(much_shared_kernel, 1, 1, 0, nullptr)(), std::logic_error);
  CHECK_NOTHROW(on_cpu::kernel(early_end_kernel, 1, 64, 0, nullptr)(63));  // and the next launch is sound
}

TEST_CASE("a launch that no GPU takes is CUDA's last error, once") {
  for (const auto& [grid, block] : {std::pair<dim3, dim3>{0, 32}, {1, 0}, {1, 1025}, {dim3(1, 65536), 32}}) {
    on_cpu::kernel(early_end_kernel, grid, block, 0, nullptr)(0);
    CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
    CHECK(cudaGetLastError() == cudaSuccess);
  }
}
