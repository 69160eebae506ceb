// ArcFace: cos(theta + m) for the true class, scaled by s = 64 (Deng et al., CVPR 2019,
// https://arxiv.org/abs/1801.07698, equation 3). As in the reference the gradient passes straight through the
// margin, and is zero where the clamp to +-(1 - 1e-7) holds.
#include <ATen/ops/acos.h>

#include "trainer/head/compat.hpp"
#include "trainer/head/straight_through.hpp"

namespace facetrain {
namespace {

class ArcFace final : public Head {
 public:
  explicit ArcFace(double margin) : margin_(margin) {}

  bool reads_embeddings() const override { return false; }
  HeadOutput forward(const HeadInput& input) override {
    const auto margin = [this](const at::Tensor& cosine) { return cosine.acos().add_(margin_).cos_(); };
    return straight_through(input, kAngleClamp, margin);
  }

 private:
  double margin_;
};

}  // namespace

std::unique_ptr<Head> make_arcface(const std::vector<double>& margins, const Compat&) {
  return std::make_unique<ArcFace>(margins[0]);
}

}  // namespace facetrain
