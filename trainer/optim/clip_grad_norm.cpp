#include "trainer/optim/clip_grad_norm.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

namespace facetrain {
namespace {

constexpr std::int64_t kRow = 4096;  // elements

// The norm of a dense tensor from the norms of its rows of kRow elements.
at::Tensor norm_by_rows(const at::Tensor& tensor) {
  const std::int64_t rows = tensor.numel() / kRow, rest = tensor.numel() - rows * kRow;
  if (rows < 2 || !tensor.is_non_overlapping_and_dense()) return at::linalg_vector_norm(tensor, 2);
  const at::Tensor flat = tensor.as_strided({tensor.numel()}, {1});  // in memory order
  const at::Tensor norms = at::linalg_vector_norm(flat.narrow(0, 0, rows * kRow).view({rows, kRow}), 2, {1});
  const at::Tensor last = at::linalg_vector_norm(flat.narrow(0, rows * kRow, rest), 2);
  return at::linalg_vector_norm(at::cat({norms, last.view({1})}), 2);
}

// On a CPU torch adds up the squares of a float32 tensor in a few float32 numbers: the norm of a last layer
// with 12.8 million weights comes out 5e-4 too small, and differs with the number of threads. A GPU adds in
// small groups, and float64 has digits to spare.
std::vector<at::Tensor> norms_of(const std::vector<at::Tensor>& gradients) {
  const at::Tensor& first = gradients.front();
  if (!first.is_cpu() || first.scalar_type() != at::kFloat) return at::_foreach_norm(gradients, 2);
  std::vector<at::Tensor> norms;
  for (const at::Tensor& gradient : gradients) norms.push_back(norm_by_rows(gradient));
  return norms;
}

}  // namespace

at::Tensor clip_grad_norm(const std::vector<at::Tensor>& parameters, double max_norm) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  if (gradients.empty()) return at::zeros({});
  const at::Tensor norm = at::linalg_vector_norm(at::stack(norms_of(gradients)), 2);
  at::_foreach_mul_(gradients, norm.add(1e-6).reciprocal_().mul_(max_norm).clamp_max_(1.0));
  return norm;
}

}  // namespace facetrain
