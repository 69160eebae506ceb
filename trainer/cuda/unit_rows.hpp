// Rows of length 1 on a GPU: kernels (unit_rows.cu) that read a row from memory once each way and write the
// unit rows in the number type that the head multiplies in, or LibTorch's operators in a build without nvcc
// (unit_rows_absent.cpp), each of which is a pass over all centres.
#pragma once

#include <ATen/core/Tensor.h>

namespace facetrain {

// rows (N, E) contiguous, float32 or float64 on a GPU -> (N, E) in `type`: rows / max(norm, smallest),
// computed in the rows' type and rounded once. The work is put on the current stream.
at::Tensor cuda_unit_rows(const at::Tensor& rows, double smallest, at::ScalarType type);

// The gradient of the rows, in their type; gradient (N, E) contiguous in `type`, of which the unit rows were.
at::Tensor cuda_unit_rows_gradient(const at::Tensor& rows, const at::Tensor& gradient, double smallest);

}  // namespace facetrain
