#include "trainer/optim/grad_norm.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "trainer/optim/cpu_passes.hpp"

namespace facetrain {

at::Tensor norm_of(const std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard no_grad;
  if (gradients.empty()) return at::zeros({});
  const at::Tensor& first = gradients.front();
  if (!first.is_cpu()) return at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)), 2);
  // torch adds up the squares of a float32 tensor in a few float32 numbers: the norm of a last layer
  // with 12.8 million weights comes out 5e-4 too small, and differs with the number of threads.
  double squares = 0;
  for (const at::Tensor& gradient : gradients) squares += sum_of_squares(gradient);
  return at::full({}, std::sqrt(squares), first.options());
}

at::Tensor clip_factor(const at::Tensor& norm, double max_norm) {
  const at::NoGradGuard no_grad;
  return norm.add(1e-6).reciprocal_().mul_(max_norm).clamp_max_(1.0);
}

}  // namespace facetrain
