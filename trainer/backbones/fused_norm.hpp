// Batch normalisation over a training batch with what follows it, PReLU or a residual addition, in one pass
// over memory instead of one for each: y = prelu(batch_norm(x)) + residual. Backward keeps x alone.
#pragma once

#include <ATen/core/Tensor.h>

namespace facetrain {

// Parameters and statistics of C channels, and x (B, C, H, W). Undefined: slope (no PReLU), residual (as x),
// running_mean and running_var (not moved on).
struct FusedNorm {
  at::Tensor weight, bias, slope, residual;
  at::Tensor running_mean, running_var;  // moved on by `momentum` as torch.nn.BatchNorm2d does
  double momentum = 0.1, eps = 1e-5;
};

// Whether fused_norm() takes x: channels_last pictures, on a CPU in the parameters' float32 or float64, on a
// GPU in float16, bfloat16 or float32 where the build has kernels.
bool can_fuse_norm(const at::Tensor& x, const FusedNorm& norm);

// With gradient to x, weight, bias, slope and residual.
at::Tensor fused_norm(const at::Tensor& x, const FusedNorm& norm);

// The same, and x for those who read it too (a block's shortcut): what they send back is added to x's
// gradient in the pass that computes it, not by one of its own. (It is not to be changed in place.)
struct NormAndInput {
  at::Tensor y, x;
};
NormAndInput fused_norm_and_input(const at::Tensor& x, const FusedNorm& norm);

}  // namespace facetrain
