// Loss scaling for float16 (Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740), as
// torch.amp.GradScaler: the loss is multiplied by a scale that doubles after 100 steps without overflow and
// halves at an overflow, whose step is skipped. All ranks decide alike. The state lives on the device, so
// that no step waits for it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace facetrain {

class LossScale {
 public:
  explicit LossScale(at::Device device, double initial = 65536.0, std::int64_t growth_interval = 100);

  at::Tensor scale(const at::Tensor& loss) const;  // loss times the scale

  // 1 / scale, what the update multiplies the gradients by; a scalar on the device.
  at::Tensor inverse() const;

  // Adjusts the scale after a step; overflow as nonfinite() of the gradients, which carry the scale.
  void update(const at::Tensor& overflow);

  // The state, for checkpoints and tests: scalar float32, and scalar int32 steps since the last change.
  at::Tensor& value() { return scale_; }
  at::Tensor& steps_since_change() { return steps_since_change_; }

 private:
  at::Tensor scale_, steps_since_change_;
  std::int64_t growth_interval_;
};

}  // namespace facetrain
