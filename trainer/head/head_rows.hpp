// What a class-sharded softmax computes of each of the N rows of the global batch, beside its passes over all
// classes (softmax_passes.hpp): a kernel each on a GPU (trainer/cuda/head_rows.hpp), where LibTorch's
// operators would be some dozens of launches for a thousand numbers; those operators elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/head/logit_rule.hpp"

namespace facetrain {

// labels (N) int64 among all classes -> (N) int64: index among this rank's `count` classes from `first` on,
// or -1.
at::Tensor local_columns(const at::Tensor& labels, std::int64_t first, std::int64_t count);

// values (N, C), columns (N) as above -> (N, 1) in `type`: the entry of the true class, 0 where the column is
// -1.
at::Tensor true_class_values(const at::Tensor& values, const at::Tensor& columns, at::ScalarType type);

// values[i][columns[i]] += numbers[i], rounded to the type of `values`; numbers (N, 1).
void add_to_true_class(const at::Tensor& values, const at::Tensor& columns, const at::Tensor& numbers);

// others (N) float64: sum over this rank's other classes of exp(logit - shift); target (N, 1): the true
// class's stored value. All float64.
struct RowSums {
  at::Tensor sums;  // (2, N): with the true class's exponential; the true logit. 0 of it where it is not here
  at::Tensor exponential;  // (N) of the true class; any number where it is not here
};
RowSums row_sums(const at::Tensor& others, const at::Tensor& target, const at::Tensor& columns,
                 const LogitRule& rule);

// sums (2, N) as above, over all ranks -> scalar of `type`: mean of min(log(sum) + shift - true logit,
// largest).
at::Tensor mean_loss(const at::Tensor& sums, double shift, double largest, at::ScalarType type);

// Of a loss's gradient (scalar): factors (N) float64 for softmax_gradient(); target (N, 1) in `type`, the
// gradient of the true class's stored value, 0 where it is not here.
struct RowGradients {
  at::Tensor factors, target;
};
RowGradients row_gradients(const at::Tensor& gradient, const RowSums& of, const at::Tensor& columns,
                           double scale, at::ScalarType type);

}  // namespace facetrain
