// Bounds the norm of a gradient (Pascanu et al. 2013, https://arxiv.org/abs/1211.5063), as
// torch.nn.utils.clip_grad_norm_.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace facetrain {

// Multiplies the gradients of `parameters` (those that have one) in place by min(1, max_norm / (norm + 1e-6))
// and returns the norm before (scalar tensor of the gradients' type, on their device; nothing waits for a
// GPU). Other than torch's, the norm of large float32 gradients on a CPU is right to about 1e-7.
at::Tensor clip_grad_norm(const std::vector<at::Tensor>& parameters, double max_norm);

}  // namespace facetrain
