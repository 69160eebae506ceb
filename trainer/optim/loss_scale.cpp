#include "trainer/optim/loss_scale.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace facetrain {
namespace {

constexpr double kGrowth = 2.0, kBackoff = 0.5;

}  // namespace

LossScale::LossScale(at::Device device, double initial, std::int64_t growth_interval)
    : scale_(at::full({}, initial, at::TensorOptions(device).dtype(at::kFloat))),
      steps_since_change_(at::zeros({}, at::TensorOptions(device).dtype(at::kInt))),
      growth_interval_(growth_interval) {}

at::Tensor LossScale::scale(const at::Tensor& loss) const {
  return loss.mul(scale_);
}

at::Tensor LossScale::inverse() const {
  const at::NoGradGuard no_grad;
  return scale_.to(at::kDouble).reciprocal().to(at::kFloat);
}

at::Tensor LossScale::overflow(const at::Tensor& norm, const std::vector<at::Tensor>& own,
                               Communicator& trainers) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> present;
  for (const at::Tensor& gradient : own)
    if (gradient.numel() > 0) present.push_back(gradient);
  // A largest magnitude is finite when all are, and NaN when one is NaN.
  std::vector<at::Tensor> sizes;
  if (!present.empty()) sizes = at::_foreach_norm(present, std::numeric_limits<double>::infinity());
  sizes.push_back(norm);
  at::Tensor overflow = at::stack(sizes).isfinite().all().logical_not().to(at::kFloat).view({1});
  trainers.all_reduce(overflow, ReduceOp::kMax);
  return overflow;
}

void LossScale::update(const at::Tensor& overflow) {
  at::NoGradGuard no_grad;
  at::_amp_update_scale_(scale_, steps_since_change_, overflow, kGrowth, kBackoff, growth_interval_);
}

}  // namespace facetrain
