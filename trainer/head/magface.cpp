// MagFace (Meng et al., CVPR 2021, https://arxiv.org/abs/2103.06627, equations 3 and 4): the margin grows
// with the embedding's norm a, m(a) = l_margin + (u_margin - l_margin) (a - l_a) / (u_a - l_a) with a clamped
// to [l_a, u_a]; the true class's logit is s cos(theta + m(a)), and lambda_g g(a), g(a) = 1/a + a / u_a^2, is
// added to the loss (its mean over the global batch). Gradients flow through the norm.
// compat.magface: see compat.hpp.
#include <ATen/ATen.h>

#include <string>

#include "common/error.hpp"
#include "trainer/head/compat.hpp"
#include "trainer/head/rank_sums.hpp"
#include "trainer/head/straight_through.hpp"
#include "trainer/head/true_class.hpp"

namespace facetrain {
namespace {

constexpr double kLambda = 20.0;  // of g, as in the reference (partial_fc.py:178)

class MagFace final : public Head {
 public:
  MagFace(double l_a, double u_a, double l_margin, double u_margin, bool local_mean)
      : l_a_(l_a), u_a_(u_a), l_margin_(l_margin), u_margin_(u_margin), local_mean_(local_mean) {}

  HeadOutput forward(const HeadInput& input) override {
    const TrueClass truth(input.labels);
    const at::Tensor norms = input.norms.clamp(l_a_, u_a_);
    const at::Tensor margin = (norms - l_a_) * ((u_margin_ - l_margin_) / (u_a_ - l_a_)) + l_margin_;
    const at::Tensor target = input.target.clamp(-1, 1);
    const at::Tensor with_margin = target * margin.cos() - sine_of(target) * margin.sin();
    return {.margin = TargetMargin{1, with_margin},
            .extra = regulariser(norms, truth, input.trainers) * kLambda};
  }

 private:
  at::Tensor regulariser(const at::Tensor& norms, const TrueClass& truth, Communicator& trainers) const {
    const at::Tensor g = norms / (u_a_ * u_a_) + norms.reciprocal();
    if (!local_mean_) return alike_on_ranks(g.mean(), trainers);
    const at::Tensor rows = truth.owned().to(g.scalar_type());
    return (g * rows).sum() / rows.sum().clamp_min(1);
  }

  double l_a_, u_a_, l_margin_, u_margin_;
  bool local_mean_;
};

}  // namespace

// margins: l_a, u_a, l_margin, u_margin.
std::unique_ptr<Head> make_magface(const std::vector<double>& margins, const Compat& compat) {
  if (!(margins[0] > 0 && margins[0] < margins[1]))
    throw Error(ErrorKind::kConfig,
                "head.margin: magface's l_a and u_a must be norms with 0 < l_a < u_a, not " +
                    std::to_string(margins[0]) + " and " + std::to_string(margins[1]) +
                    "; it takes [l_a, u_a, l_margin, u_margin] as in [10, 110, 0.45, 0.8]");
  return std::make_unique<MagFace>(margins[0], margins[1], margins[2], margins[3], compat.magface);
}

}  // namespace facetrain
