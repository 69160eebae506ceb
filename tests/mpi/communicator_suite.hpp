// The one test suite of Communicator: whatever implements it must pass, at any world size, with tensors on
// `device`.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "trainer/comm/communicator.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain::test {

inline constexpr at::ScalarType kReducible[] = {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble, at::kLong};

// Small whole numbers, different on each rank and at each place; their sums are exact in every type.
inline at::Tensor ramp(std::int64_t n, int rank, at::ScalarType type, at::Device device) {
  return at::arange(n, at::kLong).remainder(13).add(rank * 3).to(device, type);
}

inline at::Tensor sum_of_ramps(std::int64_t n, int world, at::ScalarType type, at::Device device) {
  at::Tensor sum = at::zeros({n}, at::kLong);
  for (int rank = 0; rank < world; ++rank) sum += ramp(n, rank, at::kLong, at::kCPU);
  return sum.to(device, type);
}

inline void check_all_reduce(Communicator& world, at::Device device) {
  for (const auto type : kReducible) {
    for (const std::int64_t n : {0, 1, 7, 1000, 70001}) {
      CAPTURE(c10::toString(type));
      CAPTURE(n);
      at::Tensor t = ramp(n, world.rank(), type, device);
      world.all_reduce(t, ReduceOp::kSum);
      CHECK(at::equal(t, sum_of_ramps(n, world.size(), type, device)));
      t = ramp(n, world.rank(), type, device);
      world.all_reduce(t, ReduceOp::kMax);
      CHECK(at::equal(t, ramp(n, world.size() - 1, type, device)));
    }
  }
}

inline void check_all_gather_and_reduce_scatter(Communicator& world, at::Device device) {
  const int size = world.size();
  for (const auto type : kReducible) {
    for (const std::int64_t n : {1, 5, 1234}) {
      CAPTURE(c10::toString(type));
      CAPTURE(n);
      at::Tensor out = at::full({size * n, 3}, -1, at::TensorOptions(device).dtype(type));
      world.all_gather(out, ramp(n * 3, world.rank(), type, device).view({n, 3}));
      for (int rank = 0; rank < size; ++rank) {
        CHECK(at::equal(out.narrow(0, rank * n, n), ramp(n * 3, rank, type, device).view({n, 3})));
      }
      at::Tensor mine = at::full({n, 3}, -1, at::TensorOptions(device).dtype(type));
      world.reduce_scatter(mine, ramp(size * n * 3, world.rank(), type, device).view({size * n, 3}));
      const at::Tensor sum = sum_of_ramps(size * n * 3, size, type, device).view({size * n, 3});
      CHECK(at::equal(mine, sum.narrow(0, world.rank() * n, n)));
    }
  }
}

inline void check_broadcast(Communicator& world, at::Device device) {
  for (int root = 0; root < world.size(); ++root) {
    for (const auto type : {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble, at::kLong, at::kByte}) {
      at::Tensor t = ramp(1001, world.rank(), type, device);
      world.broadcast(t, root);
      CHECK(at::equal(t, ramp(1001, root, type, device)));
    }
    // Channels-last weights are dense too: memory order is what travels.
    at::Tensor weights = ramp(2 * 3 * 4 * 5, world.rank(), at::kFloat, device).view({2, 3, 4, 5});
    weights = weights.contiguous(at::MemoryFormat::ChannelsLast);
    world.broadcast(weights, root);
    CHECK(at::equal(weights, ramp(2 * 3 * 4 * 5, root, at::kFloat, device).view({2, 3, 4, 5})));
  }
}

inline void check_order_and_overlap(Communicator& world, at::Device device) {
  // Many under way at once, waited for in another order than they were started in.
  std::vector<at::Tensor> tensors;
  std::vector<Work> works;
  for (int i = 0; i < 12; ++i) {
    tensors.push_back(ramp(1000 * (i % 4) + 1, world.rank() + i, at::kFloat, device));
    works.push_back(world.all_reduce_async(tensors.back(), ReduceOp::kMax));
  }
  world.barrier();
  for (int i = 11; i >= 0; --i) {
    works[i].wait();
    CHECK(at::equal(tensors[i], ramp(1000 * (i % 4) + 1, world.size() - 1 + i, at::kFloat, device)));
  }
}

inline void check_equal_bits(Communicator& world, at::Device device) {
  for (const auto type : {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble}) {
    for (const std::int64_t n : {3, 4096, 300001}) {  // Open MPI changes its algorithm with the size
      auto generator = at::make_generator<at::CPUGeneratorImpl>(17 + world.rank());
      at::Tensor t = at::randn({n}, generator, at::kDouble).to(device, type);
      world.all_reduce(t, ReduceOp::kSum);
      at::Tensor roots = t.clone();
      world.broadcast(roots, 0);
      CAPTURE(c10::toString(type));
      CAPTURE(n);
      CHECK(at::equal(t, roots));
    }
  }
}

inline void check_communicator(Communicator& world, at::Device device) {
  check_all_reduce(world, device);
  check_all_gather_and_reduce_scatter(world, device);
  check_broadcast(world, device);
  check_order_and_overlap(world, device);
  check_equal_bits(world, device);
}

}  // namespace facetrain::test
