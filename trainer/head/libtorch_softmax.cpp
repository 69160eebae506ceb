#include "trainer/head/libtorch_softmax.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace facetrain {
namespace {

constexpr std::int64_t kSliceRows = 256;  // bounds the operators' intermediate tensors

// The type to compute in.
at::ScalarType wide(const at::Tensor& values) {
  return values.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

// exp(logit - shift), in the type to compute in, with 0 for the true classes.
at::Tensor exponentials(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule) {
  at::Tensor result = at::clamp(values.to(wide(values)), -rule.bound, rule.bound);
  const double lowest = wide(values) == at::kDouble ? -700.0 : -87.0;
  result = result.mul_(rule.scale).sub_(rule.shift).clamp_min_(lowest).exp_();
  if (values.size(1) > 0) {
    const at::Tensor column = columns.clamp_min(0).unsqueeze(1);
    const at::Tensor others = columns.lt(0).unsqueeze(1).to(result.scalar_type());
    result.scatter_(1, column, result.gather(1, column).mul_(others));
  }
  return result;
}

template <typename Work>
void for_row_blocks(std::int64_t rows, const Work& work) {
  for (std::int64_t row = 0; row < rows; row += kSliceRows) work(row, std::min(kSliceRows, rows - row));
}

}  // namespace

at::Tensor libtorch_softmax_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule) {
  const at::NoGradGuard values_only;
  at::Tensor sums = at::zeros({values.size(0)}, values.options().dtype(at::kDouble));
  for_row_blocks(values.size(0), [&](std::int64_t row, std::int64_t count) {
    const at::Tensor part = exponentials(values.narrow(0, row, count), columns.narrow(0, row, count), rule);
    sums.narrow(0, row, count).copy_(part.sum(1));
  });
  return sums;
}

void libtorch_softmax_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                               const at::Tensor& factors) {
  const at::NoGradGuard values_only;
  for_row_blocks(values.size(0), [&](std::int64_t row, std::int64_t count) {
    at::Tensor part = values.narrow(0, row, count);
    at::Tensor gradient = exponentials(part, columns.narrow(0, row, count), rule);
    gradient.mul_(factors.narrow(0, row, count).to(gradient.scalar_type()).unsqueeze(1));
    const double bound = wide(values) == at::kDouble ? rule.bound : static_cast<float>(rule.bound);
    part.copy_(gradient.masked_fill_(part.to(wide(values)).abs().gt(bound), 0));
  });
}

}  // namespace facetrain
