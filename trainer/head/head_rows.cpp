#include "trainer/head/head_rows.hpp"

#include <ATen/ATen.h>

#include "trainer/cuda/head_rows.hpp"

namespace facetrain {
namespace {

bool on_kernels(const at::Tensor& t) {
  return t.is_cuda() && has_cuda_head_rows();
}

at::Tensor where_owned(const at::Tensor& columns, const at::Tensor& numbers) {
  return at::where(columns.ge(0), numbers, at::zeros({}, numbers.options()));
}

}  // namespace

at::Tensor local_columns(const at::Tensor& labels, std::int64_t first, std::int64_t count) {
  if (on_kernels(labels)) return cuda_local_columns(labels, first, count);
  const at::Tensor local = labels - first;
  return local.masked_fill(local.lt(0).logical_or_(local.ge(count)), -1);
}

at::Tensor true_class_values(const at::Tensor& values, const at::Tensor& columns, at::ScalarType type) {
  if (on_kernels(values)) return cuda_true_class_values(values, columns, type);
  if (values.size(1) == 0) return at::zeros({values.size(0), 1}, values.options().dtype(type));
  const at::Tensor column = columns.clamp_min(0).unsqueeze(1);
  return where_owned(columns.unsqueeze(1), values.gather(1, column).to(type));
}

void add_to_true_class(const at::Tensor& values, const at::Tensor& columns, const at::Tensor& numbers) {
  if (on_kernels(values)) return cuda_add_to_true_class(values, columns, numbers);
  at::Tensor(values).scatter_add_(1, columns.clamp_min(0).unsqueeze(1),
                                  where_owned(columns.unsqueeze(1), numbers).to(values.scalar_type()));
}

RowSums row_sums(const at::Tensor& others, const at::Tensor& target, const at::Tensor& columns,
                 const LogitRule& rule) {
  if (on_kernels(others)) return cuda_row_sums(others, target, columns, rule);
  const at::Tensor true_logits = target.squeeze(1).to(at::kDouble) * rule.scale;
  const at::Tensor exponential = (true_logits - rule.shift).exp_();
  return {at::stack({others + where_owned(columns, exponential), where_owned(columns, true_logits)}),
          exponential};
}

at::Tensor mean_loss(const at::Tensor& sums, double shift, double largest, at::ScalarType type) {
  if (on_kernels(sums)) return cuda_mean_loss(sums, shift, largest, type);
  return (sums[0].log() + shift - sums[1]).clamp_max_(largest).mean().to(type);
}

RowGradients row_gradients(const at::Tensor& gradient, const RowSums& of, const at::Tensor& columns,
                           double scale, at::ScalarType type) {
  if (on_kernels(of.sums)) return cuda_row_gradients(gradient, of, columns, scale, type);
  const at::Tensor sums = of.sums[0];
  const at::Tensor factor = gradient.to(at::kDouble) * (scale / static_cast<double>(columns.size(0)));
  const at::Tensor of_true = (of.exponential / sums - 1) * factor;
  return {factor / sums, where_owned(columns, of_true).unsqueeze(1).to(type)};
}

}  // namespace facetrain
