// Circle loss over the pairs of the global batch (Sun et al., CVPR 2020, https://arxiv.org/abs/2002.10857,
// equations 4, 5 and 8): with similarity s of two embeddings,
//   softplus(lse over pairs of two people of  gamma max(s + m, 0) (s - m)
//          + lse over pairs of one person of -gamma max(1 + m - s, 0) (s - (1 - m))),
// where the max() weights carry no gradient. gamma 256 as in the reference's class. It has no class centres:
// those of the classifier get no gradient; only weight decay moves them. A batch without a pair of one person
// has loss 0.
#include <ATen/ATen.h>

#include "trainer/head/compat.hpp"
#include "trainer/head/head.hpp"
#include "trainer/head/rank_sums.hpp"

namespace facetrain {
namespace {

constexpr double kGamma = 256.0;
constexpr double kNoPair = -1e30;  // its exponential is 0; an infinity would make the gradient NaN

class CircleLoss final : public Head {
 public:
  explicit CircleLoss(double margin) : margin_(margin) {}

  HeadOutput forward(const HeadInput& input) override {
    const at::Tensor similarity = at::matmul(input.directions, input.directions.t());
    const at::Tensor pair = at::ones_like(similarity, at::kBool).triu(1);
    const at::Tensor same = input.classes.unsqueeze(1).eq(input.classes.unsqueeze(0));
    const at::Tensor fixed = similarity.detach();
    const at::Tensor positive = (similarity - (1 - margin_)) * (1 + margin_ - fixed).clamp_min(0) * -kGamma;
    const at::Tensor negative = (similarity - margin_) * (fixed + margin_).clamp_min(0) * kGamma;
    const at::Tensor sum =
        lse(positive, same.logical_and(pair)) + lse(negative, same.logical_not().logical_and(pair));
    // The optimiser wants a gradient for the unused centres: zero.
    const at::Tensor unused = whole_cosines(input).sum() * 0;
    return {.loss = alike_on_ranks(at::softplus(sum, 1, 40), input.trainers) + unused};
  }

 private:
  static at::Tensor lse(const at::Tensor& values, const at::Tensor& counted) {
    return values.masked_fill(counted.logical_not(), kNoPair).logsumexp(at::IntArrayRef({0, 1}));
  }

  double margin_;
};

}  // namespace

std::unique_ptr<Head> make_circleloss(const std::vector<double>& margins, const Compat&) {
  return std::make_unique<CircleLoss>(margins[0]);
}

}  // namespace facetrain
