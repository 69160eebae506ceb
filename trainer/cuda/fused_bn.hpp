// Batch normalisation with PReLU and a residual addition on a GPU: kernels (fused_bn.cu) that read a picture
// twice each way, or nothing in a build without nvcc (fused_bn_absent.cpp: LibTorch's layers serve).
#pragma once

#include <ATen/core/Tensor.h>

namespace facetrain {

// Whether this build has the kernels.
bool has_cuda_norm();

// x (B, C, H, W) channels_last in float16, bfloat16 or float32 on a GPU; the tensors of C numbers are
// float32; slope and residual (as x) may be undefined. All work is put on the current stream.
struct CudaNorm {
  at::Tensor y, mean, inverse;  // inverse: 1 / sqrt(variance + eps)
};
// With running statistics (else undefined) it moves them on by `momentum`, the variance unbiased.
CudaNorm cuda_norm_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& slope, const at::Tensor& residual,
                           const at::Tensor& running_mean, const at::Tensor& running_var, double momentum,
                           double eps);

struct CudaNormGradient {
  at::Tensor x, weight, bias, slope;  // slope: undefined without one
};
// added (as x): another gradient of x, to which x's is added; undefined for none.
CudaNormGradient cuda_norm_backward(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& added,
                                    const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& slope,
                                    const at::Tensor& mean, const at::Tensor& inverse);

}  // namespace facetrain
