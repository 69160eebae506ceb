// Whether an update may be made: all ranks decide alike, and the host waits for nobody.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

// 1 element, float32: 1 where any rank found an infinity or NaN, else 0; in `norm`, of the gradients that all
// ranks share (also where the norm itself is too large for its type), or in `own`, what this rank alone has:
// its other gradients, its loss (dense; types may differ). Nothing is written to. Collective.
at::Tensor nonfinite(const at::Tensor& norm, const std::vector<at::Tensor>& own, Communicator& trainers);

}  // namespace facetrain
