// SphereFace's multiplicative margin as the reference has it: cos(m theta) for the true class, scaled by
// s = 64, for every theta. (Liu et al., CVPR 2017, https://arxiv.org/abs/1704.08063, continue it downwards
// beyond m theta = pi; with the reference's m = 1.7 that begins at a cosine of -0.27.) The gradient passes
// straight through the margin, and is zero where the clamp to +-(1 - 1e-7) holds.
#include <ATen/ops/acos.h>

#include "trainer/head/compat.hpp"
#include "trainer/head/straight_through.hpp"

namespace facetrain {
namespace {

class SphereFace final : public Head {
 public:
  explicit SphereFace(double margin) : margin_(margin) {}

  bool reads_embeddings() const override { return false; }
  HeadOutput forward(const HeadInput& input) override {
    const auto margin = [this](const at::Tensor& cosine) { return cosine.acos().mul_(margin_).cos_(); };
    return straight_through(input, kAngleClamp, margin);
  }

 private:
  double margin_;
};

}  // namespace

std::unique_ptr<Head> make_sphereface(const std::vector<double>& margins, const Compat&) {
  return std::make_unique<SphereFace>(margins[0]);
}

}  // namespace facetrain
