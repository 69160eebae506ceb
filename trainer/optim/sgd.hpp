// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD computes it:
//   g' = g + decay * p;  v = momentum * v + g' (v = g' at first);  p = p - lr * v.
// Unscaling and clipping happen in the same pass over memory. On a GPU torch's fused kernel does all of it
// over our flat ranges, in one launch for a group of them: a kernel of our own would save only its write of
// the divided gradient, and need nvcc.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/optim/optimizer.hpp"
#include "trainer/optim/sparse_rows.hpp"

namespace facetrain {

class Sgd final : public Optimizer {
 public:
  // momentum in [0, 1]; weight_decay >= 0, of the parameters that want it. sparse: rows that are trained too,
  // with decay (null: none). buckets: as UpdateRanges.
  Sgd(std::vector<TrainedParameter> parameters, double momentum, double weight_decay,
      SparseRows* sparse = nullptr, std::span<const GradientBucket> buckets = {});

  void step(double lr, const at::Tensor& overflow = {}, const GradientFactors& factors = {}) override;
  std::vector<at::Tensor> parameters() const override;
  std::vector<OptimizerState> state() override;

  // v of the i-th parameter given, same shape. Empty with momentum 0, where v is the gradient and nothing is
  // kept.
  const std::vector<at::Tensor>& velocities() const { return velocities_; }

 private:
  void step_on_cpu(double lr, const GradientFactors& factors);
  void step_fused(double lr, const at::Tensor& overflow, const GradientFactors& factors);

  UpdateRanges ranges_;
  std::vector<at::Tensor> range_velocities_;  // of each range
  std::vector<at::Tensor> velocities_;        // of each parameter, in those
  double momentum_, weight_decay_;
  SparseRows* sparse_;
};

}  // namespace facetrain
