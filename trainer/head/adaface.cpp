// AdaFace (Kim et al., CVPR 2022, https://arxiv.org/abs/2204.00964, equations 9 to 11): the embedding's norm
// stands for the picture's quality; normalised to z in [-1, 1] by the running mean and deviation of the
// norms, it makes the true class's logit s (cos(theta - m z) - (m + m z)). The angle is kept in
// [eps, pi - eps] and cosines are clamped to +-(1 - eps), eps = .001, as in the authors' code. The statistics
// are the global batch's, which every rank holds. compat.adaface and compat.local_statistics: see compat.hpp.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <numbers>

#include "trainer/head/compat.hpp"
#include "trainer/head/straight_through.hpp"
#include "trainer/head/true_class.hpp"

namespace facetrain {
namespace {

constexpr double kAngleEps = 1e-3;
constexpr double kConcentration = 0.333;  // h: about 68 % of the norms within z = +-h
constexpr double kSmallestNorm = 0.001, kLargestNorm = 100;
constexpr double kFirstMean = 20, kFirstDeviation = 100;

class AdaFace final : public Head {
 public:
  AdaFace(double margin, const Compat& compat)
      : margin_(margin),
        momentum_(compat.adaface ? 1.0 : 0.01),
        multiplies_(compat.adaface),
        local_statistics_(compat.local_statistics) {}

  HeadOutput forward(const HeadInput& input) override {
    const TrueClass truth(input.labels);
    const at::Tensor quality = quality_of(input.norms.detach(), truth);
    const at::Tensor angle = input.target.clamp(-1 + kAngleEps, 1 - kAngleEps).acos(),
                     change = quality * -margin_;
    const at::Tensor moved =
        (multiplies_ ? angle * (1 + change) : angle + change).clamp(kAngleEps, std::numbers::pi - kAngleEps);
    const at::Tensor with_margin = moved.cos() - (margin_ + margin_ * quality);
    return {.margin = TargetMargin{1 - kAngleEps, with_margin}};
  }

  void to(at::Device device, at::ScalarType type) override {
    mean_ = mean_.to(device, type);
    deviation_ = deviation_.to(device, type);
  }
  std::vector<at::Tensor> statistics() override { return {mean_, deviation_}; }

 private:
  // (N, 1) z of the rows, after moving the statistics on.
  at::Tensor quality_of(const at::Tensor& norms, const TrueClass& truth) {
    const at::NoGradGuard values_only;
    const at::Tensor safe = norms.clamp(kSmallestNorm, kLargestNorm);
    const at::Tensor rows =
        (local_statistics_ ? truth.owned() : at::ones_like(truth.owned())).to(safe.scalar_type());
    const at::Tensor count = rows.sum();
    const at::Tensor mean = (safe * rows).sum() / count.clamp_min(1);
    const at::Tensor deviation = (((safe - mean) * rows).square().sum() / (count - 1).clamp_min(1)).sqrt();
    // One row has no deviation; a batch that overflowed, whose step is skipped, must not stay in the
    // statistics. (clamp would make an infinite norm a finite one, so that the norms themselves are asked.)
    const at::Tensor enough = count.gt(1).logical_and(norms.isfinite().all());
    mean_.copy_(at::where(enough, mean * momentum_ + mean_ * (1 - momentum_), mean_));
    deviation_.copy_(at::where(enough, deviation * momentum_ + deviation_ * (1 - momentum_), deviation_));
    return ((safe - mean_) / (deviation_ + kAngleEps) * kConcentration).clamp(-1, 1);
  }

  double margin_, momentum_;
  bool multiplies_, local_statistics_;
  at::Tensor mean_ = at::full({1}, kFirstMean), deviation_ = at::full({1}, kFirstDeviation);
};

}  // namespace

std::unique_ptr<Head> make_adaface(const std::vector<double>& margins, const Compat& compat) {
  return std::make_unique<AdaFace>(margins[0], compat);
}

}  // namespace facetrain
