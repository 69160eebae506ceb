// The softmax passes of trainer/head/softmax_passes.hpp on a GPU: kernels (fused_softmax.cu) that read each
// logit once and compute in float32 (float64 for float64), or LibTorch's operators in a build without nvcc
// (fused_softmax_absent.cpp).
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/head/logit_rule.hpp"

namespace facetrain {

// As softmax_sums() and softmax_gradient(); values (N, C) contiguous in float16, bfloat16, float32 or
// float64, on a GPU as the others, and the work is put on the current stream. A gradient is rounded once, to
// the type of `values`.
at::Tensor cuda_softmax_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule);
void cuda_softmax_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                           const at::Tensor& factors);

}  // namespace facetrain
