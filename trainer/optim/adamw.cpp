#include "trainer/optim/adamw.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <utility>

namespace facetrain {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

}  // namespace

AdamW::AdamW(std::vector<TrainedParameter> parameters, double weight_decay,
             std::span<const GradientBucket> buckets)
    : ranges_(std::move(parameters), buckets),
      exp_avgs_(ranges_.zeros()),
      exp_avg_sqs_(ranges_.zeros()),
      weight_decay_(weight_decay) {
  const at::Device device =
      ranges_.parameters().empty() ? at::Device(at::kCPU) : ranges_.parameters().front().tensor.device();
  step_ = at::zeros({}, at::TensorOptions(device).dtype(at::kFloat));
}

std::vector<at::Tensor> AdamW::parameters() const {
  std::vector<at::Tensor> all;
  for (const TrainedParameter& parameter : ranges_.parameters()) all.push_back(parameter.tensor);
  return all;
}

void AdamW::step(double lr, const at::Tensor& overflow, const GradientFactors& factors) {
  const at::NoGradGuard no_grad;
  struct Lists {
    std::vector<at::Tensor> values, gradients, exp_avgs, exp_avg_sqs;
  };
  std::array<Lists, 2> groups;  // by clipped
  const std::vector<at::Tensor> gradients = ranges_.gradients();
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const UpdateRange& range = ranges_.ranges()[i];
    if (range.values.numel() == 0) continue;
    Lists& lists = groups[range.clipped ? 1 : 0];
    lists.values.push_back(range.values);
    lists.gradients.push_back(gradients[i]);
    lists.exp_avgs.push_back(exp_avgs_[i]);
    lists.exp_avg_sqs.push_back(exp_avg_sqs_[i]);
  }
  step_.add_(1);
  for (const bool clipped : {false, true}) {
    Lists& lists = groups[clipped ? 1 : 0];
    if (lists.values.empty()) continue;
    const at::Tensor factor = clipped ? product(factors.unscale, factors.clip) : factors.unscale;
    // The kernel's divisor is float32: too coarse for a proof in float64, and on the CPU not what clipping by
    // a factor rounds to.
    const bool apart = lists.values.front().is_cpu() || lists.values.front().scalar_type() == at::kDouble;
    if (apart && factor.defined()) at::_foreach_mul_(lists.gradients, factor);
    const std::vector<at::Tensor> steps(lists.values.size(), step_);
    at::_fused_adamw_(lists.values, lists.gradients, lists.exp_avgs, lists.exp_avg_sqs,
                      /*max_exp_avg_sqs=*/{}, steps, lr, kBeta1, kBeta2, weight_decay_, kEpsilon,
                      /*amsgrad=*/false, /*maximize=*/false, apart ? std::nullopt : divisor_of(factor),
                      overflow.defined() ? std::optional(overflow) : std::nullopt);
  }
  if (overflow.defined()) step_.sub_(overflow.reshape({}));
}

std::vector<OptimizerState> AdamW::state() {
  return {{"exp_avg", ranges_.by_parameter(exp_avgs_)},
          {"exp_avg_sq", ranges_.by_parameter(exp_avg_sqs_)},
          {"step", {step_}}};
}

}  // namespace facetrain
