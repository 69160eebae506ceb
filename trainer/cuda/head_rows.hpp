// The functions of trainer/head/head_rows.hpp on a GPU, a kernel each (head_rows.cu); in a build without nvcc
// (head_rows_absent.cpp) there are none and LibTorch's operators serve. All work is put on the current
// stream.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/head/head_rows.hpp"

namespace facetrain {

// Whether this build has the kernels.
bool has_cuda_head_rows();

// Tensors on a GPU, contiguous. Types of values and of what belongs to the true class: float16, bfloat16 or
// float32 with float32, float64 with float64.
at::Tensor cuda_local_columns(const at::Tensor& labels, std::int64_t first, std::int64_t count);
at::Tensor cuda_true_class_values(const at::Tensor& values, const at::Tensor& columns, at::ScalarType type);
void cuda_add_to_true_class(const at::Tensor& values, const at::Tensor& columns, const at::Tensor& numbers);
RowSums cuda_row_sums(const at::Tensor& others, const at::Tensor& target, const at::Tensor& columns,
                      const LogitRule& rule);
at::Tensor cuda_mean_loss(const at::Tensor& sums, double shift, double largest, at::ScalarType type);
RowGradients cuda_row_gradients(const at::Tensor& gradient, const RowSums& of, const at::Tensor& columns,
                                double scale, at::ScalarType type);

}  // namespace facetrain
