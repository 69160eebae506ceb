#include "trainer/optim/optimizer.hpp"

#include <ATen/ops/empty_like.h>

#include "common/error.hpp"
#include "trainer/optim/adamw.hpp"
#include "trainer/optim/sgd.hpp"

namespace facetrain {

std::unique_ptr<Optimizer> make_optimizer(const Config& config,
                                          const std::vector<TrainedParameter>& parameters,
                                          SparseRows* sparse) {
  const double decay = config.train.weight_decay;
  if (config.train.optimizer == "sgd")
    return std::make_unique<Sgd>(parameters, config.train.momentum, decay, sparse);
  if (config.train.optimizer == "adamw" && sparse == nullptr)
    return std::make_unique<AdamW>(parameters, decay);
  throw Error(ErrorKind::kConfig, "train.optimizer: \"" + config.train.optimizer +
                                      "\" is unknown or cannot train sparse rows; known: sgd, adamw");
}

at::Tensor gradient_in_order(const at::Tensor& parameter, std::size_t index) {
  const at::Tensor& gradient = parameter.grad();
  if (!gradient.defined())
    throw Error(ErrorKind::kInternal, "optimizer: parameter " + std::to_string(index) + " has no gradient");
  if (gradient.strides() == parameter.strides()) return gradient;
  return at::empty_like(parameter).copy_(gradient);
}

}  // namespace facetrain
