// The inputs of tests/golden/head_inputs.py, for the golden tests of the heads: rows at cosine +-1, at an
// angle near pi, with a loss at its bound, and centres in opposite directions.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "tests/golden/golden_formula.hpp"

namespace facetrain::test {

inline constexpr std::int64_t kHeadClasses = 7, kHeadSize = 8, kHeadRows = 12;

inline at::Tensor int64_tensor(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::TensorOptions().dtype(at::kLong));
}

struct HeadInputs {
  at::Tensor weight = formula(1, {kHeadClasses, kHeadSize}) * 0.03;
  at::Tensor embeddings = formula(2, {kHeadRows, kHeadSize}) * 2.0;
  at::Tensor labels = int64_tensor({0, 1, 2, 3, 4, 5, 6, 0, 2, 2, 1, 0});

  HeadInputs() {
    weight[5].copy_(-weight[4] + 0.05 * weight[6]);
    embeddings[1].copy_(2.0 * weight[1]);
    embeddings[2].copy_(-3.0 * weight[2]);
    embeddings[4].copy_(-40.0 * weight[4]);
    embeddings[8].copy_(-5.0 * weight[2] + 0.5 * weight[0]);
  }
};

// Embeddings of record_heads.py's embeddings(step): norms below, at and above AdaFace's and MagFace's clamps.
inline at::Tensor head_embeddings(std::uint32_t step) {
  at::Tensor rows = formula(30 + step, {kHeadRows, kHeadSize});
  if (step == 0) {
    const HeadInputs inputs;
    rows = inputs.embeddings;
    rows[1].add_(inputs.weight[0], 0.01);
    rows[2].add_(inputs.weight[0], 0.01);
    rows[4].add_(inputs.weight[0], 0.2);
  }
  const at::Tensor norms =
      at::tensor({30.0, 50.0, 5.0, 10.0, 110.0, 200.0, 20.0, 70.0, 40.0, 0.0005, 100.0, 25.0}, at::kDouble);
  return rows / rows.square().sum(1, true).sqrt() * norms.unsqueeze(1);
}

// Largest difference of (n, kHeadSize) rows from golden's rows from `first` on, relative to golden's largest
// value.
inline double golden_difference(const at::Tensor& ours, const std::vector<double>& golden,
                                std::int64_t first) {
  if (ours.numel() == 0) return 0;
  const at::Tensor all = at::tensor(golden, at::kDouble).view({-1, kHeadSize});
  const at::Tensor theirs = all.narrow(0, first, ours.size(0));
  return (ours.to(at::kDouble) - theirs).abs().max().item<double>() / all.abs().max().item<double>();
}

}  // namespace facetrain::test
