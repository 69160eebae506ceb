// CosFace: cos(theta) - m for the true class, scaled by s = 64 (Wang et al., CVPR 2018,
// https://arxiv.org/abs/1801.09414, equation 4). The gradient is zero where the clamp to +-(1 - 1e-7) holds.
#include <ATen/TensorOperators.h>

#include "trainer/head/compat.hpp"
#include "trainer/head/straight_through.hpp"

namespace facetrain {
namespace {

class CosFace final : public Head {
 public:
  explicit CosFace(double margin) : margin_(margin) {}

  bool reads_embeddings() const override { return false; }
  HeadOutput forward(const HeadInput& input) override {
    const auto margin = [this](const at::Tensor& cosine) { return cosine - margin_; };
    return straight_through(input, kAngleClamp, margin);
  }

 private:
  double margin_;
};

}  // namespace

std::unique_ptr<Head> make_cosface(const std::vector<double>& margins, const Compat&) {
  return std::make_unique<CosFace>(margins[0]);
}

}  // namespace facetrain
