// Batch normalisation's kernels (trainer/cuda/fused_bn.hpp) beside LibTorch's separate operators in float64:
// inputs for both, what each makes of them, and how far they are apart.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/away_from_kink.hpp"
#include "trainer/cuda/fused_bn.hpp"

namespace facetrain::test {

constexpr double kNormMomentum = 0.1, kNormEps = 1e-5;

struct NormCase {
  std::int64_t pictures, channels, side;
  at::ScalarType type;
  bool slope, residual, running, added = false;
};

struct NormInputs {
  at::Tensor x, gradient, weight, bias, slope, residual, running_mean, running_var;
  at::Tensor added;  // another gradient of x
};

inline at::Tensor draw_normal(at::IntArrayRef sizes, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(sizes, generator, at::kDouble);
}

inline NormInputs draw_norm(const NormCase& of) {
  const std::vector<std::int64_t> sizes{of.pictures, of.channels, of.side, of.side};
  const auto pixels = [&](const at::Tensor& values) {
    return values.to(of.type).contiguous(at::MemoryFormat::ChannelsLast);
  };
  const auto numbers = [&](std::uint64_t seed) { return draw_normal({of.channels}, seed).to(at::kFloat); };
  NormInputs inputs;
  inputs.weight = numbers(3);
  inputs.weight += inputs.weight.sign() * 0.5;
  inputs.bias = numbers(4);
  // Means that differ by channel and are not small against the deviation.
  inputs.x = pixels(draw_normal(sizes, 1) * 1.5 + draw_normal({1, of.channels, 1, 1}, 2) * 3);
  inputs.x = away_from_kink(inputs.x, inputs.weight, inputs.bias, kNormEps);
  inputs.gradient = pixels(draw_normal(sizes, 9));
  if (of.slope) inputs.slope = numbers(5);
  if (of.residual) inputs.residual = pixels(draw_normal(sizes, 6));
  if (of.added) inputs.added = pixels(draw_normal(sizes, 10));
  if (of.running) inputs.running_mean = numbers(7), inputs.running_var = numbers(8).square();
  return inputs;
}

// y, mean, inverse, gradients of x, weight, bias (and slope), running mean and variance (where there are).
using NormResults = std::vector<at::Tensor>;

inline NormResults run_kernels(const NormInputs& inputs) {
  const auto own = [](const at::Tensor& t) { return t.defined() ? t.clone() : t; };
  const at::Tensor running_mean = own(inputs.running_mean), running_var = own(inputs.running_var);
  const CudaNorm norm = cuda_norm_forward(inputs.x, inputs.weight, inputs.bias, inputs.slope, inputs.residual,
                                          running_mean, running_var, kNormMomentum, kNormEps);
  const CudaNormGradient gradient = cuda_norm_backward(inputs.x, inputs.gradient, inputs.added, inputs.weight,
                                                       inputs.bias, inputs.slope, norm.mean, norm.inverse);
  NormResults results{norm.y, norm.mean, norm.inverse, gradient.x, gradient.weight, gradient.bias};
  if (inputs.slope.defined()) results.push_back(gradient.slope);
  if (running_mean.defined()) results.insert(results.end(), {running_mean, running_var});
  return results;
}

inline NormResults run_operators(const NormInputs& inputs) {
  const auto leaf = [](const at::Tensor& t) {
    return t.defined() ? t.to(at::kDouble).clone().requires_grad_(true) : at::Tensor();
  };
  const auto given = [](const at::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; };
  const at::Tensor x = leaf(inputs.x), weight = leaf(inputs.weight), bias = leaf(inputs.bias),
                   slope = leaf(inputs.slope);
  at::Tensor running_mean, running_var;
  if (inputs.running_mean.defined())
    running_mean = inputs.running_mean.to(at::kDouble), running_var = inputs.running_var.to(at::kDouble);
  at::Tensor y = at::batch_norm(x, weight, bias, given(running_mean), given(running_var), true, kNormMomentum,
                                kNormEps, false);
  if (slope.defined()) y = at::prelu(y, slope);
  if (inputs.residual.defined()) y = y + inputs.residual.to(at::kDouble);
  y.backward(inputs.gradient.to(at::kDouble));
  if (inputs.added.defined()) x.mutable_grad() = x.grad() + inputs.added.to(at::kDouble);
  const at::Tensor exact = x.detach(), variance = exact.var({0, 2, 3}, /*unbiased=*/false);
  NormResults results{y.detach(), exact.mean({0, 2, 3}), (variance + kNormEps).rsqrt(),
                      x.grad(),   weight.grad(),         bias.grad()};
  if (slope.defined()) results.push_back(slope.grad());
  if (running_mean.defined()) results.insert(results.end(), {running_mean, running_var});
  return results;
}

// The largest difference relative to the largest number, of pictures in each channel.
inline double norm_difference(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor off = (ours.to(at::kDouble) - expected).abs().nan_to_num(1e9, 1e9);
  const auto most = [](const at::Tensor& t) { return t.dim() == 4 ? t.amax({0, 2, 3}) : t.amax(); };
  return (most(off) / most(expected.abs()).clamp_min(1e-30)).max().item<double>();
}

}  // namespace facetrain::test
