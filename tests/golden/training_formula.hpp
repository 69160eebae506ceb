// The weights from which record_training.py and record_parity_run.py train, computed alike here.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstdint>

#include "tests/golden/golden_formula.hpp"
#include "trainer/backbones/backbone.hpp"

namespace facetrain::test {

// record_training.py's fill(): by position in the state and name; running statistics and the last BatchNorm's
// weight stay.
inline void fill_for_training(const Backbone& backbone) {
  const at::NoGradGuard no_grad;
  std::uint32_t salt = 100;
  for (const NamedTensor& entry : backbone.state()) {
    const at::Tensor values = formula(salt++, entry.tensor.sizes());
    if (entry.is_buffer || entry.name == "features.weight") continue;
    if (entry.tensor.dim() > 1)
      entry.tensor.copy_(values * std::sqrt(6.0 / static_cast<double>(entry.tensor[0].numel())));
    else if (entry.name.ends_with("bias"))
      entry.tensor.copy_(values * 0.1);
    else if (entry.name.find("prelu") != std::string::npos)
      entry.tensor.copy_(values * 0.1 + 0.25);
    else
      entry.tensor.copy_(values * 0.2 + 1.0);
  }
}

// Of `classes` classes, (classes, size) float64.
inline at::Tensor centres_for_training(std::int64_t classes, std::int64_t size) {
  return formula(1, {classes, size}).mul(0.02);
}

}  // namespace facetrain::test
