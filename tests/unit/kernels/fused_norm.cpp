// Batch normalisation's kernels (trainer/cuda/fused_bn.cu), run on the CPU thread by thread, against
// LibTorch's separate operators in float64: values, statistics, all gradients; any number of channels and of
// rows, every type, with and without PReLU, residual and running statistics; the kink, large means,
// alignment.
#include "tests/unit/kernels/norm_comparison.hpp"

#include <array>
#include <cstdint>
#include <limits>

#include "common/error.hpp"
#include "tests/kernels/in_any_order.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

namespace {

double rounding(at::ScalarType type) {  // of pictures; the arithmetic's is at most 1e-5
  return type == at::kHalf ? 6e-4 : type == at::kBFloat16 ? 5e-3 : 1e-5;
}

void compare(const NormResults& results, const NormResults& expected, at::ScalarType type) {
  REQUIRE(results.size() == expected.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    CAPTURE(i);
    CHECK(norm_difference(results[i], expected[i]) < (results[i].dim() == 4 ? rounding(type) : 1e-5));
  }
}

void check(const NormCase& of) {
  CAPTURE(of.type);
  CAPTURE(of.channels);
  CAPTURE(of.slope);
  CAPTURE(of.residual);
  const NormInputs inputs = draw_norm(of);
  bool equal = true;
  const NormResults results = in_any_order([&] { return run_kernels(inputs); }, equal);
  CHECK(equal);
  CHECK(results[0].is_contiguous(at::MemoryFormat::ChannelsLast));
  compare(results, run_operators(inputs), of.type);
}

}  // namespace

TEST_CASE("values, statistics and gradients are the operators', for any channels, in every type") {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat})
    for (const auto& [pictures, channels, side] : {std::array<std::int64_t, 3>{2, 64, 7},
                                                   {2, 5, 5},
                                                   {2, 6, 5},   // even, and no multiple of a pack
                                                   {3, 1, 13},  // more rows than a block's
                                                   {3, 8, 9},
                                                   {2, 67, 3},
                                                   {1, 512, 3}}) {
      check({pictures, channels, side, type, true, true, true});
      if (type != at::kBFloat16) check({pictures, channels, side, type, false, false, true});
    }
  check({2, 64, 5, at::kHalf, true, false, false});
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat})
    for (const std::int64_t channels : {64, 67})
      check({.pictures = 2,
             .channels = channels,
             .side = 5,
             .type = type,
             .slope = channels == 67,
             .residual = false,
             .running = true,
             .added = true});
  check({2, 67, 5, at::kFloat, false, true, false});
}

TEST_CASE("more parts than threads that add them up") {
  check({3, 5, 29, at::kFloat, true, true, true});  // 40 parts of 64 rows
}

TEST_CASE("a thread has many rows: some that it loads together, and some that are left") {
  const int before = on_cpu::set_multiprocessors(1);  // two blocks
  for (const at::ScalarType type : {at::kHalf, at::kFloat})
    for (const auto& [channels, side] : {std::pair{64, 25}, {5, 37}}) {  // 20 rows of 32, 22 of 64
      check({2, channels, side, type, true, true, true, true});
      check({2, channels, side, type, false, false, true});
    }
  on_cpu::set_multiprocessors(2);  // two columns, the second with some channels, of two parts: 11 rows of 16
  check({2, 160, 13, at::kHalf, true, true, true});
  on_cpu::set_multiprocessors(before);
}

TEST_CASE("a thread has more rows than its share of one turn: backward's parts are smaller than forward's") {
  const int before = on_cpu::set_multiprocessors(1);  // two blocks; 49 rows of 64, then 16 to 17
  for (const bool added : {false, true}) check({1, 32, 79, at::kHalf, true, false, false, added});
  on_cpu::set_multiprocessors(before);
}

TEST_CASE("more channels than blocks: one part for all rows") {
  check({1, 5200, 3, at::kHalf, true, false, false});  // 41 columns of 128 channels
}

TEST_CASE("at the kink itself the gradient leaks, and the slope has none") {
  NormInputs inputs = draw_norm({5, 1, 5, at::kFloat, true, false, false});
  // Whole numbers with a mean of 0: z is 0 exactly where x is.
  inputs.x = (at::arange(125).remainder(5) - 2)
                 .to(at::kFloat)
                 .view({5, 1, 5, 5})
                 .contiguous(at::MemoryFormat::ChannelsLast);
  inputs.bias.zero_();
  const NormResults expected = run_operators(inputs);
  REQUIRE(expected[0].eq(0).sum().item<std::int64_t>() == 25);
  compare(run_kernels(inputs), expected, at::kFloat);
}

TEST_CASE("a mean of 100,000 deviations leaves the variance its digits") {
  NormInputs inputs = draw_norm({2, 3, 11, at::kFloat, false, false, true});
  inputs.x = (draw_normal(inputs.x.sizes(), 1) * 0.01 + 1000)
                 .to(at::kFloat)
                 .contiguous(at::MemoryFormat::ChannelsLast);
  const NormResults results = run_kernels(inputs), expected = run_operators(inputs);
  for (const std::size_t i : {1, 2, 6, 7}) {  // mean and inverse, and the running ones
    CAPTURE(i);
    CHECK(norm_difference(results.at(i), expected.at(i)) < 1e-5);
  }
  CHECK(norm_difference(results[0], expected[0]) < 1e-2);  // half a digit of the mean is 3e-3 of a deviation
}

TEST_CASE("corners far from all other pixels, as padding makes them, leave the variance its digits") {
  NormInputs inputs = draw_norm({2, 4, 58, at::kFloat, false, false, true});
  inputs.x = draw_normal(inputs.x.sizes(), 1) * 0.01;
  inputs.x.select(2, 0).select(2, 0).fill_(300);
  inputs.x = inputs.x.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  const NormResults results = run_kernels(inputs), expected = run_operators(inputs);
  for (const std::size_t i : {2, 7}) CHECK(norm_difference(results.at(i), expected.at(i)) < 1e-6);
}

TEST_CASE("pictures that begin anywhere in memory") {
  for (const at::ScalarType type : {at::kHalf, at::kFloat}) {
    NormInputs inputs = draw_norm({2, 8, 5, type, true, true, false, true});
    const NormResults expected = run_operators(inputs);
    for (at::Tensor* pictures : {&inputs.x, &inputs.gradient, &inputs.residual, &inputs.added}) {
      const at::Tensor kept = *pictures, memory = at::empty({kept.numel() + 1}, kept.options());
      *pictures = memory.narrow(0, 1, kept.numel()).as_strided(kept.sizes(), kept.strides(), 1);
      pictures->copy_(kept);
      REQUIRE(pictures->is_contiguous(at::MemoryFormat::ChannelsLast));
      compare(run_kernels(inputs), expected, type);
      *pictures = kept;
    }
  }
}

TEST_CASE("NaN in a channel stays in it and shows in all its results") {
  NormInputs inputs = draw_norm({2, 8, 5, at::kHalf, true, true, true});
  inputs.x[1][3][2][2].fill_(std::numeric_limits<double>::quiet_NaN());
  const NormResults results = run_kernels(inputs);
  for (std::size_t i = 0; i < results.size(); ++i) {
    CAPTURE(i);
    if (i == 5) continue;  // the bias's gradient has no x in it
    const at::Tensor nan =
        results[i].dim() == 4 ? results[i].isnan().all(3).all(2).all(0) : results[i].isnan();
    CHECK(nan.to(at::kLong).equal((at::arange(8) == 3).to(at::kLong)));
    CHECK(results[i].isnan().sum().item<std::int64_t>() == results[i].numel() / 8);
  }
}

TEST_CASE("no pictures, and a type without a kernel") {
  NormInputs none = draw_norm({2, 4, 3, at::kFloat, false, false, false});
  none.x = none.x.narrow(0, 0, 0);
  CHECK_THROWS_AS(run_kernels(none), Error);
  CHECK_THROWS_AS(cuda_norm_backward(none.x, none.x, {}, none.weight, none.bias, {}, none.weight, none.bias),
                  Error);
  NormInputs inputs = draw_norm({2, 4, 3, at::kFloat, false, false, false});
  inputs.x = inputs.x.to(at::kDouble);
  CHECK_THROWS_AS(run_kernels(inputs), Error);
}
