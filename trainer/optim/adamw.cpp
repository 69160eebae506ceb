#include "trainer/optim/adamw.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace facetrain {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

}  // namespace

AdamW::AdamW(const std::vector<TrainedParameter>& parameters, double weight_decay)
    : weight_decay_(weight_decay) {
  at::NoGradGuard no_grad;
  for (const TrainedParameter& parameter : parameters) {
    parameters_.push_back(parameter.tensor);
    exp_avgs_.push_back(at::zeros_like(parameter.tensor));
    exp_avg_sqs_.push_back(at::zeros_like(parameter.tensor));
  }
  const at::Device device = parameters_.empty() ? at::Device(at::kCPU) : parameters_.front().device();
  step_ = at::zeros({}, at::TensorOptions(device).dtype(at::kFloat));
}

void AdamW::step(double lr, const at::Tensor& overflow) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].numel() == 0) continue;
    parameters.push_back(parameters_[i]);
    gradients.push_back(gradient_in_order(parameters_[i], i));
    exp_avgs.push_back(exp_avgs_[i]);
    exp_avg_sqs.push_back(exp_avg_sqs_[i]);
  }
  step_.add_(1);
  const std::vector<at::Tensor> steps(parameters.size(), step_);
  if (!parameters.empty())
    at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, /*max_exp_avg_sqs=*/{}, steps, lr, kBeta1,
                      kBeta2, weight_decay_, kEpsilon, /*amsgrad=*/false, /*maximize=*/false,
                      /*grad_scale=*/{}, overflow.defined() ? std::optional(overflow) : std::nullopt);
  if (overflow.defined()) step_.sub_(overflow.reshape({}));
}

std::vector<OptimizerState> AdamW::state() {
  return {{"exp_avg", exp_avgs_}, {"exp_avg_sq", exp_avg_sqs_}, {"step", {step_}}};
}

}  // namespace facetrain
