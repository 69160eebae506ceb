#include "trainer/optim/nonfinite.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <limits>

namespace facetrain {

at::Tensor nonfinite(const at::Tensor& norm, const std::vector<at::Tensor>& own, Communicator& trainers) {
  const at::NoGradGuard no_grad;
  // A largest magnitude is finite when all are, and NaN when one is NaN.
  std::vector<at::Tensor> sizes{norm};
  for (const at::Tensor& values : own)
    if (values.numel() > 0)
      sizes.push_back(at::_foreach_norm({values.detach()}, std::numeric_limits<double>::infinity())[0]);
  const bool exact = std::any_of(sizes.begin(), sizes.end(),
                                 [](const at::Tensor& size) { return size.scalar_type() == at::kDouble; });
  for (at::Tensor& size : sizes) size = size.to(exact ? at::kDouble : at::kFloat);
  at::Tensor found = at::stack(sizes).isfinite().all().logical_not().to(at::kFloat).view({1});
  trainers.all_reduce(found, ReduceOp::kMax);
  return found;
}

}  // namespace facetrain
