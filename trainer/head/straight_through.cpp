#include "trainer/head/straight_through.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/clamp.h>

#include "trainer/head/true_class.hpp"

namespace facetrain {

// Only the true classes' entries are touched: for the others the reference's cos(acos(x)) is x up to
// rounding.
at::Tensor straight_through(const HeadInput& input, double bound,
                            const std::function<at::Tensor(const at::Tensor&)>& margin) {
  at::Tensor logits = at::clamp(input.cosines, -bound, bound);
  {
    const at::NoGradGuard values_only;
    const TrueClass truth(input.labels);
    truth.overwrite(logits, margin(truth.of(logits)));
  }
  return logits.mul_(kScale);
}

}  // namespace facetrain
