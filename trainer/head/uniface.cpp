// UniFace's unified cross-entropy (Zhou et al., ICCV 2023, "UniFace: Unified Cross-Entropy Loss for Deep Face
// Recognition", equation 12): every class is a yes-or-no question with one trained threshold b,
//   softplus(-(s (cos_true - m) - b)) + sum over the other classes of softplus(s cos - b),
// with both arguments clamped to +-s as in the authors' code, and the mean over the rows. Each rank sums over
// its classes. compat.uniface: see compat.hpp; the loss is then each rank's own.
#include <ATen/ATen.h>

#include "trainer/head/compat.hpp"
#include "trainer/head/rank_sums.hpp"
#include "trainer/head/straight_through.hpp"
#include "trainer/head/true_class.hpp"

namespace facetrain {
namespace {

// at::softplus becomes linear above `threshold`; exact to rounding from 40 on in float64.
at::Tensor clamped_softplus(const at::Tensor& x) {
  return at::softplus(x.clamp(-kLogitScale, kLogitScale), /*beta=*/1, /*threshold=*/40);
}

class UniFace final : public Head {
 public:
  UniFace(double margin, double bias, bool local)
      : margin_(margin), local_(local), bias_(at::full({1}, bias, at::kDouble)) {}

  bool reads_embeddings() const override { return false; }
  HeadOutput forward(const HeadInput& input) override {
    const TrueClass truth(input.labels);
    const at::Tensor bias = local_ ? bias_ : alike_parameter(bias_, input.trainers);
    const at::Tensor cosines = whole_cosines(input), zero = at::zeros({}, cosines.options());
    const at::Tensor positive = clamped_softplus(bias - (truth.of(cosines) - margin_) * kLogitScale);
    const at::Tensor negatives = clamped_softplus(cosines * kLogitScale - bias);
    at::Tensor left_out = truth.mask(cosines.size(1));
    if (local_) left_out = left_out.logical_or(truth.owned().logical_not());
    const at::Tensor sum =
        at::where(truth.owned(), positive, zero).sum() + at::where(left_out, zero, negatives).sum();
    if (local_) return {.loss = sum / truth.owned().sum().clamp_min(1)};
    return {.loss = sum_over_ranks(sum / cosines.size(0), input.trainers)};
  }

  void to(at::Device device, at::ScalarType type) override {
    bias_ = bias_.detach().to(device, type).set_requires_grad(true);
  }
  std::vector<at::Tensor> parameters() override { return {bias_}; }

 private:
  double margin_;
  bool local_;
  at::Tensor bias_;
};

}  // namespace

// margins: the margin and the bias to start from (the parent's configurations: ln(10 x number of pictures)).
std::unique_ptr<Head> make_uniface(const std::vector<double>& margins, const Compat& compat) {
  return std::make_unique<UniFace>(margins[0], margins[1], compat.uniface);
}

}  // namespace facetrain
