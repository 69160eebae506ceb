#include "trainer/backbones/autocast.hpp"

#include <ATen/autocast_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct UseCast : torch::autograd::Function<UseCast> {
  // A pointer is no tensor to autograd: only `kept` has a gradient.
  static at::Tensor forward(AutogradContext*, const at::Tensor& kept, const at::Tensor* cast) {
    (void)kept;
    return cast->detach();
  }
  static variable_list backward(AutogradContext*, variable_list gradients) {
    return {gradients[0], at::Tensor()};
  }
};

}  // namespace

AutocastRegion::AutocastRegion(std::optional<at::ScalarType> dtype, at::DeviceType device) : device_(device) {
  if (!dtype) return;
  previously_on_ = at::autocast::is_autocast_enabled(device);
  previous_dtype_ = at::autocast::get_autocast_dtype(device);
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::set_autocast_dtype(device, *dtype);
  at::autocast::increment_nesting();
}

AutocastRegion::~AutocastRegion() {
  if (!previous_dtype_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, previously_on_);
  at::autocast::set_autocast_dtype(device_, *previous_dtype_);
}

at::Tensor Weight::operator()() const {
  if (!cast || !cast->defined()) return kept;
  return c10::GradMode::is_enabled() ? UseCast::apply(kept, cast.get()) : *cast;
}

void cast_weights(const std::vector<Weight>& weights, std::optional<at::ScalarType> dtype) {
  const c10::AutoGradMode not_recording(false);
  std::vector<at::Tensor> kept, cast;
  for (const Weight& weight : weights) {
    *weight.cast = at::Tensor();
    if (!dtype) continue;
    *weight.cast = at::empty_like(weight.kept, weight.kept.options().dtype(*dtype));
    kept.push_back(weight.kept);
    cast.push_back(*weight.cast);
  }
  if (!cast.empty()) at::_foreach_copy_(cast, kept);
}

}  // namespace facetrain
