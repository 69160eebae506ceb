// CurricularFace (Huang et al., CVPR 2020, https://arxiv.org/abs/2004.00288, equations 5 to 8): the true
// class's logit is s cos(theta + m), and a negative whose cosine is above that is hard: its cosine c becomes
// c (t + c). t follows the mean cosine to the true class with momentum .01. As in the authors' code, beyond
// theta + m = pi the true logit goes on as cos(theta) - m sin(m). Hard negatives are sought on all ranks, so
// the true cosines are shared (one collective of N numbers). compat.curricularface and
// compat.local_statistics: see compat.hpp.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "trainer/head/compat.hpp"
#include "trainer/head/straight_through.hpp"
#include "trainer/head/true_class.hpp"

namespace facetrain {
namespace {

constexpr double kThresholdMomentum = 0.01;

class CurricularFace final : public Head {
 public:
  CurricularFace(double margin, const Compat& compat)
      : margin_(margin), local_cosines_(compat.curricularface), local_statistics_(compat.local_statistics) {}

  bool reads_embeddings() const override { return false; }
  HeadOutput forward(const HeadInput& input) override {
    const at::Tensor cosines = whole_cosines(input);
    const TrueClass truth(input.labels);
    const at::Tensor target = truth.of(cosines);
    const at::Tensor with_margin = added_margin(target);
    const at::Tensor final_target = at::where(target.gt(std::cos(std::numbers::pi - margin_)), with_margin,
                                              target - margin_ * std::sin(margin_));

    at::Tensor hardest;  // (N, 1): a negative above it is hard
    {
      const at::NoGradGuard values_only;
      at::Tensor everywhere = target.clone();
      if (!local_cosines_) input.trainers.all_reduce(everywhere, ReduceOp::kSum);
      hardest = local_cosines_ ? with_margin.masked_fill(truth.owned().logical_not(),
                                                         std::numeric_limits<double>::infinity())
                               : added_margin(everywhere);
      move_t(cosines, truth, target, everywhere, input.trainers);
    }
    // A copy: backward must see the t of this step.
    const at::Tensor t = t_.clone();
    const at::Tensor modulated = at::where(cosines.gt(hardest), cosines * (t + cosines), cosines);
    return {.logits = truth.added(modulated, final_target - truth.of(modulated)).mul(kLogitScale)};
  }

  // c (t + c), and t, a mean of cosines, is at most 1.
  double bound() const override { return 2 * kLogitScale; }

  void to(at::Device device, at::ScalarType type) override { t_ = t_.to(device, type); }
  std::vector<at::Tensor> statistics() override { return {t_}; }

 private:
  at::Tensor added_margin(const at::Tensor& cosine) const {
    return cosine * std::cos(margin_) - sine_of(cosine) * std::sin(margin_);
  }

  void move_t(const at::Tensor& cosines, const TrueClass& truth, const at::Tensor& target,
              const at::Tensor& everywhere, Communicator& trainers) {
    if (!local_cosines_ && !local_statistics_) {
      move_towards(everywhere.mean());
      return;
    }
    // Sum and number of the cosines that count on this rank.
    const at::Tensor rows = truth.owned().to(cosines.scalar_type());
    at::Tensor sums = local_cosines_ ? at::stack({(cosines * rows).sum(), rows.sum() * cosines.size(1)})
                                     : at::stack({target.sum(), rows.sum()});
    if (!local_statistics_) trainers.all_reduce(sums, ReduceOp::kSum);
    move_towards(at::where(sums[1].gt(0), sums[0] / sums[1].clamp_min(1), t_[0]));
  }

  // But not towards a batch that overflowed: its step is skipped, and t would never be finite again.
  void move_towards(const at::Tensor& mean) {
    t_.copy_(at::where(mean.isfinite(), t_.mul(1 - kThresholdMomentum).add(mean, kThresholdMomentum), t_));
  }

  double margin_;
  bool local_cosines_, local_statistics_;
  at::Tensor t_ = at::zeros({1});
};

}  // namespace

std::unique_ptr<Head> make_curricularface(const std::vector<double>& margins, const Compat& compat) {
  return std::make_unique<CurricularFace>(margins[0], compat);
}

}  // namespace facetrain
