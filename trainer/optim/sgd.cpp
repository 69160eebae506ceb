#include "trainer/optim/sgd.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/zeros_like.h>

namespace facetrain {

Sgd::Sgd(const std::vector<TrainedParameter>& parameters, double momentum, double weight_decay,
         SparseRows* sparse)
    : momentum_(momentum), weight_decay_(weight_decay), sparse_(sparse) {
  at::NoGradGuard no_grad;
  groups_ = {{{}, weight_decay}, {{}, 0.0}};
  for (const TrainedParameter& parameter : parameters) {
    groups_[parameter.weight_decay ? 0 : 1].members.push_back(parameters_.size());
    parameters_.push_back(parameter.tensor);
    // Zero, not "none yet": momentum * 0 + g' is g', and a skipped first step needs no memory of having been
    // skipped.
    if (momentum > 0) velocities_.push_back(at::zeros_like(parameter.tensor));
  }
}

std::vector<at::Tensor> Sgd::parameters() const {
  std::vector<at::Tensor> all = parameters_;
  if (sparse_ != nullptr && sparse_->taken().defined()) all.push_back(sparse_->taken());
  return all;
}

void Sgd::step(double lr, const at::Tensor& overflow) {
  at::NoGradGuard no_grad;
  const std::optional<at::Tensor> found_inf = overflow.defined() ? std::optional(overflow) : std::nullopt;
  for (const Group& group : groups_) {
    std::vector<at::Tensor> parameters, gradients, velocities;
    for (const std::size_t index : group.members) {
      if (parameters_[index].numel() == 0) continue;
      parameters.push_back(parameters_[index]);
      gradients.push_back(gradient_in_order(parameters_[index], index));
      if (momentum_ > 0) velocities.push_back(velocities_[index]);
    }
    if (parameters.empty()) continue;
    at::_fused_sgd_(parameters, gradients, velocities, group.weight_decay, momentum_, lr, /*dampening=*/0,
                    /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false, /*grad_scale=*/{},
                    found_inf);
  }
  if (sparse_ != nullptr) sparse_->step(lr, momentum_, weight_decay_, overflow);
}

std::vector<OptimizerState> Sgd::state() {
  std::vector<OptimizerState> state;
  if (!velocities_.empty()) state.push_back({"momentum_buffer", velocities_});
  return state;
}

}  // namespace facetrain
