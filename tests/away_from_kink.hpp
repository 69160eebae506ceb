// Pictures for tests of batch normalisation with PReLU: where z = (x - mean) * scale + bias is within
// rounding of 0, two correct implementations may take different sides, and their gradients differ by much.
#pragma once

#include <ATen/ATen.h>

#include <stdexcept>

namespace facetrain::test {

// z of batch normalisation in float64, for x (B, C, H, W).
inline at::Tensor normalised(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                             double eps) {
  const at::Tensor exact = x.to(at::kDouble), mean = exact.mean({0, 2, 3}, true);
  const at::Tensor inverse = ((exact - mean).square().mean({0, 2, 3}, true) + eps).rsqrt();
  const auto of_channel = [](const at::Tensor& t) { return t.to(at::kDouble).view({1, -1, 1, 1}); };
  return (exact - mean) * inverse * of_channel(weight) + of_channel(bias);
}

// x with those of its numbers moved whose |z| is below `margin`, until there are none. Weights near 0 take it
// long.
inline at::Tensor away_from_kink(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                 double eps = 1e-5, double margin = 1e-3) {
  at::Tensor moved = x;
  for (int round = 0; round < 100; ++round) {
    const at::Tensor near = normalised(moved, weight, bias, eps).abs().lt(margin);
    if (!near.any().item<bool>()) return moved;
    const at::Tensor deviation = moved.to(at::kDouble).std({0, 2, 3}, false, true);
    moved = at::where(near, (moved.to(at::kDouble) + 0.25 * deviation).to(x.scalar_type()), moved)
                .contiguous(x.suggest_memory_format());
  }
  throw std::logic_error("away_from_kink: a weight is too near to 0");
}

}  // namespace facetrain::test
