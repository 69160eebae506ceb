// Loss scaling for float16 (Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740), as
// torch.amp.GradScaler: the loss is multiplied by a scale that doubles after 100 steps without overflow and
// halves at an overflow, whose step is skipped. All ranks decide alike. The state lives on the device, so
// that no step waits for it.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

class LossScale {
 public:
  explicit LossScale(at::Device device, double initial = 65536.0, std::int64_t growth_interval = 100);

  at::Tensor scale(const at::Tensor& loss) const;  // loss times the scale

  // 1 / scale, what the update multiplies the gradients by; a scalar on the device.
  at::Tensor inverse() const;

  // 1 element, float32: 1 where any rank found an infinity or NaN in its gradients, which carry the scale:
  // `norm`, of those that all ranks share, or `own`, those of this rank alone (float32 or float64, dense).
  // (Also where the norm itself is too large for float32.) Nothing is written to. Collective.
  at::Tensor overflow(const at::Tensor& norm, const std::vector<at::Tensor>& own,
                      Communicator& trainers) const;

  // Adjusts the scale after a step; overflow as overflow() returned it.
  void update(const at::Tensor& overflow);

  // The state, for checkpoints and tests: scalar float32, and scalar int32 steps since the last change.
  at::Tensor& value() { return scale_; }
  at::Tensor& steps_since_change() { return steps_since_change_; }

 private:
  at::Tensor scale_, steps_since_change_;
  std::int64_t growth_interval_;
};

}  // namespace facetrain
