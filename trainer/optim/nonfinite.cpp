#include "trainer/optim/nonfinite.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <limits>
#include <map>

namespace facetrain {

at::Tensor nonfinite(const at::Tensor& norm, const std::vector<at::Tensor>& own, Communicator& trainers) {
  const at::NoGradGuard no_grad;
  // A largest magnitude is finite when all are, and NaN when one is NaN.
  std::map<at::ScalarType, std::vector<at::Tensor>> of_type;
  for (const at::Tensor& values : own)
    if (values.numel() > 0) of_type[values.scalar_type()].push_back(values.detach());
  std::vector<at::Tensor> sizes{norm};
  for (const auto& [type, tensors] : of_type) {
    const std::vector<at::Tensor> largest =
        at::_foreach_norm(tensors, std::numeric_limits<double>::infinity());
    sizes.insert(sizes.end(), largest.begin(), largest.end());
  }
  const bool exact = std::any_of(sizes.begin(), sizes.end(),
                                 [](const at::Tensor& size) { return size.scalar_type() == at::kDouble; });
  for (at::Tensor& size : sizes) size = size.to(exact ? at::kDouble : at::kFloat);
  at::Tensor found = at::stack(sizes).isfinite().all().logical_not().to(at::kFloat).view({1});
  trainers.all_reduce(found, ReduceOp::kMax);
  return found;
}

}  // namespace facetrain
