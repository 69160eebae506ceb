#include "trainer/optim/optimizer.hpp"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "common/error.hpp"
#include "trainer/optim/adamw.hpp"
#include "trainer/optim/sgd.hpp"

namespace facetrain {

std::unique_ptr<Optimizer> make_optimizer(const Config& config, std::vector<TrainedParameter> parameters,
                                          SparseRows* sparse, std::span<const GradientBucket> buckets) {
  const double decay = config.train.weight_decay;
  if (config.train.optimizer == "sgd")
    return std::make_unique<Sgd>(std::move(parameters), config.train.momentum, decay, sparse, buckets);
  if (config.train.optimizer == "adamw" && sparse == nullptr)
    return std::make_unique<AdamW>(std::move(parameters), decay, buckets);
  throw Error(ErrorKind::kConfig, "train.optimizer: \"" + config.train.optimizer +
                                      "\" is unknown or cannot train sparse rows; known: sgd, adamw");
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  const at::NoGradGuard no_grad;
  return !a.defined() ? b : !b.defined() ? a : a.mul(b);
}

std::optional<at::Tensor> divisor_of(const at::Tensor& factor) {
  if (!factor.defined()) return std::nullopt;
  const at::NoGradGuard no_grad;
  return factor.reciprocal().to(at::kFloat);
}

}  // namespace facetrain
