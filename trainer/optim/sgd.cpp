#include "trainer/optim/sgd.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include <string>

#include "common/error.hpp"

namespace facetrain {
namespace {

// The gradient in the parameter's memory order: the fused kernel walks both by address.
at::Tensor gradient_of(const at::Tensor& parameter, std::size_t index) {
  const at::Tensor& gradient = parameter.grad();
  if (!gradient.defined())
    throw Error(ErrorKind::kInternal, "SGD: parameter " + std::to_string(index) + " has no gradient");
  if (gradient.strides() == parameter.strides()) return gradient;
  return at::empty_like(parameter).copy_(gradient);
}

}  // namespace

Sgd::Sgd(const std::vector<SgdParameter>& parameters, double momentum, double weight_decay)
    : momentum_(momentum) {
  at::NoGradGuard no_grad;
  groups_ = {{{}, weight_decay}, {{}, 0.0}};
  for (const SgdParameter& parameter : parameters) {
    groups_[parameter.weight_decay ? 0 : 1].members.push_back(parameters_.size());
    parameters_.push_back(parameter.tensor);
    // Zero, not "none yet": momentum * 0 + g' is g', and a skipped first step needs no memory of having been
    // skipped.
    velocities_.push_back(at::zeros_like(parameter.tensor));
  }
}

void Sgd::step(double lr, const at::Tensor& overflow) {
  at::NoGradGuard no_grad;
  const std::optional<at::Tensor> found_inf = overflow.defined() ? std::optional(overflow) : std::nullopt;
  for (const Group& group : groups_) {
    std::vector<at::Tensor> parameters, gradients, velocities;
    for (const std::size_t index : group.members) {
      if (parameters_[index].numel() == 0) continue;
      parameters.push_back(parameters_[index]);
      gradients.push_back(gradient_of(parameters_[index], index));
      velocities.push_back(velocities_[index]);
    }
    if (parameters.empty()) continue;
    at::_fused_sgd_(parameters, gradients, velocities, group.weight_decay, momentum_, lr, /*dampening=*/0,
                    /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false, /*grad_scale=*/{},
                    found_inf);
  }
}

}  // namespace facetrain
