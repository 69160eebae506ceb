#include "trainer/optim/loss_scale.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

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

at::Tensor LossScale::unscale(const std::vector<at::Tensor>& parameters, Communicator& trainers) const {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  at::Tensor overflow = at::zeros({1}, scale_.options());
  const at::Tensor inverse = scale_.to(at::kDouble).reciprocal().to(at::kFloat);
  if (!gradients.empty()) at::_amp_foreach_non_finite_check_and_unscale_(gradients, overflow, inverse);
  trainers.all_reduce(overflow, ReduceOp::kMax);
  return overflow;
}

void LossScale::update(const at::Tensor& overflow) {
  at::NoGradGuard no_grad;
  at::_amp_update_scale_(scale_, steps_since_change_, overflow, kGrowth, kBackoff, growth_interval_);
}

}  // namespace facetrain
