// Batch normalisation's kernels (trainer/cuda/fused_bn.cu), run on the CPU thread by thread, against
// LibTorch's separate operators in float64: values, statistics, all gradients; any number of channels and of
// rows, every type, with and without PReLU, residual and running statistics; the kink, large means,
// alignment.
#include <ATen/ATen.h>

#include <array>
#include <optional>
#include <vector>

#include "common/error.hpp"
#include "tests/away_from_kink.hpp"
#include "tests/kernels/in_any_order.hpp"
#include "trainer/cuda/fused_bn.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

constexpr double kMomentum = 0.1, kEps = 1e-5;

struct Case {
  std::int64_t pictures, channels, side;
  at::ScalarType type;
  bool slope, residual, running;
};

struct Inputs {
  at::Tensor x, gradient, weight, bias, slope, residual, running_mean, running_var;
};

at::Tensor draw_normal(at::IntArrayRef sizes, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(sizes, generator, at::kDouble);
}

Inputs draw(const Case& of) {
  const std::vector<std::int64_t> sizes{of.pictures, of.channels, of.side, of.side};
  const auto pixels = [&](const at::Tensor& values) {
    return values.to(of.type).contiguous(at::MemoryFormat::ChannelsLast);
  };
  const auto numbers = [&](std::uint64_t seed) { return draw_normal({of.channels}, seed).to(at::kFloat); };
  Inputs inputs;
  inputs.weight = numbers(3);
  inputs.weight += inputs.weight.sign() * 0.5;
  inputs.bias = numbers(4);
  // Means that differ by channel and are not small against the deviation.
  inputs.x = pixels(draw_normal(sizes, 1) * 1.5 + draw_normal({1, of.channels, 1, 1}, 2) * 3);
  inputs.x = test::away_from_kink(inputs.x, inputs.weight, inputs.bias, kEps);
  inputs.gradient = pixels(draw_normal(sizes, 9));
  if (of.slope) inputs.slope = numbers(5);
  if (of.residual) inputs.residual = pixels(draw_normal(sizes, 6));
  if (of.running) inputs.running_mean = numbers(7), inputs.running_var = numbers(8).square();
  return inputs;
}

// y, mean, inverse, gradients of x, weight, bias (and slope), running mean and variance (where there are).
using Results = std::vector<at::Tensor>;

Results run(const Inputs& inputs) {
  const auto own = [](const at::Tensor& t) { return t.defined() ? t.clone() : t; };
  const at::Tensor running_mean = own(inputs.running_mean), running_var = own(inputs.running_var);
  const CudaNorm norm = cuda_norm_forward(inputs.x, inputs.weight, inputs.bias, inputs.slope, inputs.residual,
                                          running_mean, running_var, kMomentum, kEps);
  const CudaNormGradient gradient = cuda_norm_backward(inputs.x, inputs.gradient, inputs.weight, inputs.bias,
                                                       inputs.slope, norm.mean, norm.inverse);
  Results results{norm.y, norm.mean, norm.inverse, gradient.x, gradient.weight, gradient.bias};
  if (inputs.slope.defined()) results.push_back(gradient.slope);
  if (running_mean.defined()) results.insert(results.end(), {running_mean, running_var});
  return results;
}

Results expected_of(const Inputs& inputs) {
  const auto leaf = [](const at::Tensor& t) {
    return t.defined() ? t.to(at::kDouble).clone().requires_grad_(true) : at::Tensor();
  };
  const auto given = [](const at::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; };
  const at::Tensor x = leaf(inputs.x), weight = leaf(inputs.weight), bias = leaf(inputs.bias),
                   slope = leaf(inputs.slope);
  at::Tensor running_mean, running_var;
  if (inputs.running_mean.defined())
    running_mean = inputs.running_mean.to(at::kDouble), running_var = inputs.running_var.to(at::kDouble);
  at::Tensor y =
      at::batch_norm(x, weight, bias, given(running_mean), given(running_var), true, kMomentum, kEps, false);
  if (slope.defined()) y = at::prelu(y, slope);
  if (inputs.residual.defined()) y = y + inputs.residual.to(at::kDouble);
  y.backward(inputs.gradient.to(at::kDouble));
  const at::Tensor exact = x.detach(), variance = exact.var({0, 2, 3}, /*unbiased=*/false);
  Results results{y.detach(), exact.mean({0, 2, 3}), (variance + kEps).rsqrt(),
                  x.grad(),   weight.grad(),         bias.grad()};
  if (slope.defined()) results.push_back(slope.grad());
  if (running_mean.defined()) results.insert(results.end(), {running_mean, running_var});
  return results;
}

// The largest difference relative to the largest number, of pictures in each channel.
double difference(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor off = (ours.to(at::kDouble) - expected).abs().nan_to_num(1e9, 1e9);
  const auto most = [](const at::Tensor& t) { return t.dim() == 4 ? t.amax({0, 2, 3}) : t.amax(); };
  return (most(off) / most(expected.abs()).clamp_min(1e-30)).max().item<double>();
}

double rounding(at::ScalarType type) {  // of pictures; the arithmetic's is at most 1e-5
  return type == at::kHalf ? 6e-4 : type == at::kBFloat16 ? 5e-3 : 1e-5;
}

void compare(const Results& results, const Results& expected, at::ScalarType type) {
  REQUIRE(results.size() == expected.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(results[i], expected[i]) < (results[i].dim() == 4 ? rounding(type) : 1e-5));
  }
}

void check(const Case& of) {
  CAPTURE(of.type);
  CAPTURE(of.channels);
  CAPTURE(of.slope);
  CAPTURE(of.residual);
  const Inputs inputs = draw(of);
  bool equal = true;
  const Results results = test::in_any_order([&] { return run(inputs); }, equal);
  CHECK(equal);
  CHECK(results[0].is_contiguous(at::MemoryFormat::ChannelsLast));
  compare(results, expected_of(inputs), of.type);
}

}  // namespace

TEST_CASE("values, statistics and gradients are the operators', for any channels, in every type") {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kFloat})
    for (const auto& [pictures, channels, side] : {std::array<std::int64_t, 3>{2, 64, 7},
                                                   {2, 5, 5},
                                                   {3, 1, 13},  // more rows than a block's
                                                   {3, 8, 9},
                                                   {2, 67, 3},
                                                   {1, 512, 3}}) {
      check({pictures, channels, side, type, true, true, true});
      if (type != at::kBFloat16) check({pictures, channels, side, type, false, false, true});
    }
  check({2, 64, 5, at::kHalf, true, false, false});
  check({2, 67, 5, at::kFloat, false, true, false});
}

TEST_CASE("more parts than threads that add them up") {
  check({3, 5, 21, at::kFloat, true, true, true});
}

TEST_CASE("more rows than blocks take at once: a thread has several, the last part is short") {
  const Case of{1, 1032, 17, at::kFloat, true, true, true};  // 9 x 97 blocks of 8 or 9 rows at 8 a time
  const Inputs inputs = draw(of);
  compare(test::in_order(on_cpu::Order::kMixed, [&] { return run(inputs); }), expected_of(inputs), of.type);
}

TEST_CASE("at the kink itself the gradient leaks, and the slope has none") {
  Inputs inputs = draw({5, 1, 5, at::kFloat, true, false, false});
  // Whole numbers with a mean of 0: z is 0 exactly where x is.
  inputs.x = (at::arange(125).remainder(5) - 2)
                 .to(at::kFloat)
                 .view({5, 1, 5, 5})
                 .contiguous(at::MemoryFormat::ChannelsLast);
  inputs.bias.zero_();
  const Results expected = expected_of(inputs);
  REQUIRE(expected[0].eq(0).sum().item<std::int64_t>() == 25);
  compare(run(inputs), expected, at::kFloat);
}

TEST_CASE("a mean of a thousand deviations leaves the variance its digits") {
  Inputs inputs = draw({2, 3, 11, at::kFloat, false, false, true});
  inputs.x = (draw_normal(inputs.x.sizes(), 1) * 0.01 + 1000)
                 .to(at::kFloat)
                 .contiguous(at::MemoryFormat::ChannelsLast);
  const Results results = run(inputs), expected = expected_of(inputs);
  for (const std::size_t i : {1, 2, 6, 7}) {  // mean and inverse, and the running ones
    CAPTURE(i);
    CHECK(difference(results.at(i), expected.at(i)) < 1e-5);
  }
  CHECK(difference(results[0], expected[0]) < 1e-2);  // half a digit of the mean is 3e-3 of a deviation
}

TEST_CASE("pictures that begin anywhere in memory") {
  for (const at::ScalarType type : {at::kHalf, at::kFloat}) {
    Inputs inputs = draw({2, 8, 5, type, true, true, false});
    const Results expected = expected_of(inputs);
    for (at::Tensor* pictures : {&inputs.x, &inputs.gradient, &inputs.residual}) {
      const at::Tensor kept = *pictures, memory = at::empty({kept.numel() + 1}, kept.options());
      *pictures = memory.narrow(0, 1, kept.numel()).as_strided(kept.sizes(), kept.strides(), 1);
      pictures->copy_(kept);
      REQUIRE(pictures->is_contiguous(at::MemoryFormat::ChannelsLast));
      compare(run(inputs), expected, type);
      *pictures = kept;
    }
  }
}

TEST_CASE("NaN in a channel stays in it and shows in all its results") {
  Inputs inputs = draw({2, 8, 5, at::kHalf, true, true, true});
  inputs.x[1][3][2][2].fill_(std::numeric_limits<double>::quiet_NaN());
  const Results results = run(inputs);
  for (std::size_t i = 0; i < results.size(); ++i) {
    CAPTURE(i);
    if (i == 5) continue;  // the bias's gradient has no x in it
    const at::Tensor nan =
        results[i].dim() == 4 ? results[i].isnan().all(3).all(2).all(0) : results[i].isnan();
    CHECK(nan.to(at::kLong).equal((at::arange(8) == 3).to(at::kLong)));
    CHECK(results[i].isnan().sum().item<std::int64_t>() == results[i].numel() / 8);
  }
}

TEST_CASE("a type without a kernel") {
  Inputs inputs = draw({2, 4, 3, at::kFloat, false, false, false});
  inputs.x = inputs.x.to(at::kDouble);
  CHECK_THROWS_AS(run(inputs), Error);
}
