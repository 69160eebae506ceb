#include "trainer/optim/loss_scale.hpp"

#include <ATen/core/grad_mode.h>
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

at::Tensor LossScale::inverse() const {
  const at::NoGradGuard no_grad;
  return scale_.to(at::kDouble).reciprocal().to(at::kFloat);
}

void LossScale::update(const at::Tensor& overflow) {
  at::NoGradGuard no_grad;
  at::_amp_update_scale_(scale_, steps_since_change_, overflow, kGrowth, kBackoff, growth_interval_);
}

}  // namespace facetrain
