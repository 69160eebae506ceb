#include "trainer/optim/sgd.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_fused_sgd.h>

#include <map>
#include <utility>

#include "trainer/optim/cpu_passes.hpp"

namespace facetrain {
namespace {

// A factor that lies on the CPU.
double value_of(const at::Tensor& factor) {
  if (!factor.defined()) return 1;
  return factor.scalar_type() == at::kDouble ? *factor.const_data_ptr<double>()
                                             : *factor.const_data_ptr<float>();
}

}  // namespace

Sgd::Sgd(std::vector<TrainedParameter> parameters, double momentum, double weight_decay, SparseRows* sparse,
         std::span<const GradientBucket> buckets)
    : ranges_(std::move(parameters), buckets),
      momentum_(momentum),
      weight_decay_(weight_decay),
      sparse_(sparse) {
  if (momentum == 0) return;
  // Zero, not "none yet": momentum * 0 + g' is g', and a skipped first step needs no memory of having been
  // skipped.
  range_velocities_ = ranges_.zeros();
  velocities_ = ranges_.by_parameter(range_velocities_);
}

std::vector<at::Tensor> Sgd::parameters() const {
  std::vector<at::Tensor> all;
  for (const TrainedParameter& parameter : ranges_.parameters()) all.push_back(parameter.tensor);
  if (sparse_ != nullptr && sparse_->taken().defined()) all.push_back(sparse_->taken());
  return all;
}

void Sgd::step(double lr, const at::Tensor& overflow, const GradientFactors& factors) {
  const at::NoGradGuard no_grad;
  const bool on_cpu = ranges_.parameters().empty() || ranges_.parameters().front().tensor.is_cpu();
  if (!on_cpu) {
    step_fused(lr, overflow, factors);
  } else if (!overflow.defined() || *overflow.const_data_ptr<float>() == 0) {
    step_on_cpu(lr, factors);
  }
  if (sparse_ != nullptr) sparse_->step(lr, momentum_, weight_decay_, overflow, factors.unscale);
}

void Sgd::step_on_cpu(double lr, const GradientFactors& factors) {
  const std::vector<at::Tensor> gradients = ranges_.gradients();
  const double unscale = value_of(factors.unscale), clip = value_of(factors.clip);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const UpdateRange& range = ranges_.ranges()[i];
    if (range.values.numel() == 0) continue;
    sgd_pass(range.values, gradients[i], momentum_ > 0 ? range_velocities_[i] : at::Tensor(),
             {lr, momentum_, range.weight_decay ? weight_decay_ : 0.0, unscale, range.clipped ? clip : 1.0});
  }
}

void Sgd::step_fused(double lr, const at::Tensor& overflow, const GradientFactors& factors) {
  struct Lists {
    std::vector<at::Tensor> values, gradients, velocities;
  };
  std::map<std::pair<bool, bool>, Lists> groups;  // by weight_decay and clipped
  const std::vector<at::Tensor> gradients = ranges_.gradients();
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const UpdateRange& range = ranges_.ranges()[i];
    if (range.values.numel() == 0) continue;
    Lists& lists = groups[{range.weight_decay, range.clipped}];
    lists.values.push_back(range.values);
    lists.gradients.push_back(gradients[i]);
    if (momentum_ > 0) lists.velocities.push_back(range_velocities_[i]);
  }
  for (auto& [kind, lists] : groups) {
    const auto [weight_decay, clipped] = kind;
    const at::Tensor factor = clipped ? product(factors.unscale, factors.clip) : factors.unscale;
    // The kernel's divisor is float32: too coarse for a proof in float64.
    const bool exact = lists.values.front().scalar_type() == at::kDouble;
    if (exact && factor.defined()) at::_foreach_mul_(lists.gradients, factor);
    at::_fused_sgd_(lists.values, lists.gradients, lists.velocities, weight_decay ? weight_decay_ : 0.0,
                    momentum_, lr, /*dampening=*/0, /*nesterov=*/false, /*maximize=*/false,
                    /*is_first_step=*/false, exact ? std::nullopt : divisor_of(factor),
                    overflow.defined() ? std::optional(overflow) : std::nullopt);
  }
}

std::vector<OptimizerState> Sgd::state() {
  std::vector<OptimizerState> state;
  if (!velocities_.empty()) state.push_back({"momentum_buffer", velocities_});
  return state;
}

}  // namespace facetrain
