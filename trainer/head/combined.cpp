// The combined margin: cos(m1 theta + m2) - m3 for the true class, scaled by s = 64 (Deng et al., CVPR 2019,
// https://arxiv.org/abs/1801.07698, equation 4). As in the reference the gradient passes straight through the
// margin and the cosines are not clamped further. compat.combined: m3 > 0 makes it cos(theta) - m3.
#include <ATen/TensorOperators.h>
#include <ATen/ops/acos.h>

#include "trainer/head/compat.hpp"
#include "trainer/head/straight_through.hpp"

namespace facetrain {
namespace {

class Combined final : public Head {
 public:
  Combined(double m1, double m2, double m3) : m1_(m1), m2_(m2), m3_(m3) {}

  bool reads_embeddings() const override { return false; }
  HeadOutput forward(const HeadInput& input) override {
    const auto margin = [this](const at::Tensor& cosine) {
      if (m1_ == 1 && m2_ == 0) return cosine - m3_;
      return cosine.acos().mul_(m1_).add_(m2_).cos_().sub_(m3_);
    };
    return straight_through(input, 1.0, margin);
  }

 private:
  double m1_, m2_, m3_;
};

}  // namespace

std::unique_ptr<Head> make_combined(const std::vector<double>& margins, const Compat& compat) {
  if (compat.combined && margins[2] > 0) return std::make_unique<Combined>(1, 0, margins[2]);
  return std::make_unique<Combined>(margins[0], margins[1], margins[2]);
}

}  // namespace facetrain
