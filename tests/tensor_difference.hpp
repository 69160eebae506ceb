// How far tensors are apart, for tests against a formula.
#pragma once

#include <ATen/ATen.h>

namespace facetrain::test {

// The largest difference over the largest magnitude expected; `expected` is float64 and not empty.
inline double relative_difference(const at::Tensor& ours, const at::Tensor& expected) {
  return (ours.to(at::kDouble) - expected).abs().max().item<double>() / expected.abs().max().item<double>();
}

}  // namespace facetrain::test
