// Bounds the norm of a gradient (Pascanu et al. 2013, https://arxiv.org/abs/1211.5063), as
// torch.nn.utils.clip_grad_norm_: the norm of everything, and the factor that the update then applies, so
// that clipping is no pass of its own. Nothing here waits for a GPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace facetrain {

// The norm over all elements of the tensors (dense, on one device, of one type, float32 or float64): a scalar
// of their type on their device; 0 for none. Other than torch's, the norm of float32 tensors on a CPU is
// right to its last digits, whatever their size and the number of threads.
at::Tensor norm_of(const std::vector<at::Tensor>& gradients);

// min(1, max_norm / (norm + 1e-6)), a scalar like `norm`.
at::Tensor clip_factor(const at::Tensor& norm, double max_norm);

}  // namespace facetrain
