// The softmax's kernels (trainer/cuda/fused_softmax.hpp) beside the formula in float64: rows for both, what
// the formula makes of them, and how far the two are apart.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>

#include "tests/kernels/in_any_order.hpp"
#include "trainer/head/logit_rule.hpp"

namespace facetrain::test {

// The numbers of `values` in `type`, as rows inside of other memory: `offset` numbers of 99 before, 20 after.
struct MemoryRows {
  MemoryRows(const at::Tensor& values, at::ScalarType type, std::int64_t offset)
      : memory(at::full({offset + values.numel() + 20}, 99, type)),
        rows(memory.narrow(0, offset, values.numel()).view(values.sizes())) {
    rows.copy_(values);
  }
  bool intact() const {  // what lies around the rows
    const at::Tensor expected = at::full_like(memory, 99);
    expected.narrow(0, rows.storage_offset(), rows.numel()).copy_(rows.reshape({-1}));
    return same_bits(memory, expected);
  }
  at::Tensor memory, rows;
};

struct SoftmaxResults {
  at::Tensor sums, gradient;
};
inline SoftmaxResults softmax_formula(const at::Tensor& rows, const at::Tensor& columns,
                                      const LogitRule& rule, const at::Tensor& factors) {
  const bool wide = rows.scalar_type() == at::kDouble;
  const double bound = wide ? rule.bound : static_cast<float>(rule.bound), lowest = wide ? -700 : -87;
  const at::Tensor exact = rows.to(at::kDouble);
  SoftmaxResults expected{at::zeros({rows.size(0)}, at::kDouble), at::zeros_like(exact)};
  for (std::int64_t r = 0; r < rows.size(0); ++r)
    for (std::int64_t c = 0; c < rows.size(1); ++c) {
      const double x = exact.const_data_ptr<double>()[r * rows.size(1) + c];
      const double held = x < -bound ? -bound : (x > bound ? bound : x),
                   logit = held * rule.scale - rule.shift;
      if (c == columns.const_data_ptr<std::int64_t>()[r]) continue;
      const double e = std::exp(logit < lowest ? lowest : logit);
      expected.sums.mutable_data_ptr<double>()[r] += e;
      if (std::abs(x) > bound) continue;
      expected.gradient.mutable_data_ptr<double>()[r * rows.size(1) + c] =
          e * factors.const_data_ptr<double>()[r];
    }
  return expected;
}

// The largest difference relative to each number. Below float16's normal numbers its rounding is as coarse as
// at the least of them. NaN and infinity differ from all but themselves.
inline double relative_off(const at::Tensor& ours, const at::Tensor& expected) {
  if (ours.numel() == 0) return 0;
  const at::Tensor exact = ours.to(at::kDouble);
  const double normal = ours.scalar_type() == at::kHalf ? 6.1e-5 : 1e-300;
  const at::Tensor same = exact.isnan().logical_and(expected.isnan()).logical_or(exact.eq(expected));
  const at::Tensor off = (exact - expected).abs() / expected.abs().clamp_min(normal);
  return off.masked_fill(same, 0).nan_to_num(1e9, 1e9).max().item<double>();
}

}  // namespace facetrain::test
