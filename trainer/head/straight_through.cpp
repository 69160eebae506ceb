#include "trainer/head/straight_through.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/clamp.h>

namespace facetrain {

// Only the true class's cosine goes through acos and cos: for the others the reference's cos(acos(x)) is x up
// to rounding.
HeadOutput straight_through(const HeadInput& input, double bound,
                            const std::function<at::Tensor(const at::Tensor&)>& margin) {
  at::Tensor target = at::clamp(input.target, -bound, bound);
  {
    const at::NoGradGuard values_only;
    target.copy_(margin(target));
  }
  return {.margin = TargetMargin{bound, target}};
}

}  // namespace facetrain
