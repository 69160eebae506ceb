// ArcFace: cos(theta + m) for the true class, scaled by s = 64 (Deng et al., CVPR 2019,
// https://arxiv.org/abs/1801.07698, equation 3). As in the reference the margin is added to the values only:
// the gradient passes straight through it, as if the logits were s * clamp(cosine), and is zero where the
// clamp to +-(1 - 1e-7) holds.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/acos.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/where.h>

#include "trainer/head/compat.hpp"
#include "trainer/head/head.hpp"

namespace facetrain {
namespace {

constexpr double kScale = 64.0;
constexpr double kClamp = 1.0 - 1e-7;

class ArcFace final : public Head {
 public:
  explicit ArcFace(double margin) : margin_(margin) {}

  HeadOutput forward(const HeadInput& input) override {
    at::Tensor logits = at::clamp(input.cosines, -kClamp, kClamp);
    add_margin(logits, input.labels);
    return {logits.mul_(kScale), std::nullopt, std::nullopt};
  }

 private:
  // Only the true classes' entries are touched: for the others the reference's cos(acos(x)) is x up to
  // rounding. Every row gathers and scatters one entry, so that no row count has to come back from a GPU;
  // rows whose class another rank owns write back what they read.
  void add_margin(at::Tensor& logits, const at::Tensor& labels) const {
    if (logits.size(1) == 0) return;
    at::NoGradGuard values_only;
    const at::Tensor own = labels.ge(0).unsqueeze(1);
    const at::Tensor column = labels.clamp_min(0).unsqueeze(1);
    const at::Tensor cosine = logits.gather(1, column);
    logits.scatter_(1, column, at::where(own, cosine.acos().add_(margin_).cos_(), cosine));
  }

  double margin_;
};

}  // namespace

std::unique_ptr<Head> make_arcface(const std::vector<double>& margins, const Compat&) {
  return std::make_unique<ArcFace>(margins[0]);
}

}  // namespace facetrain
