// AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) as torch.optim.AdamW computes it, with
// its betas .9 and .999 and its eps 1e-8; t counts the updates from 1:
//   p = p - lr * decay * p;  m = .9 m + .1 g;  v = .999 v + .001 g^2
//   p = p - lr / (1 - .9^t) * m / (sqrt(v) / sqrt(1 - .999^t) + eps)
// One weight decay for every parameter, BatchNorm's too, as the reference's train.py:115 gives it.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/optim/optimizer.hpp"

namespace facetrain {

class AdamW final : public Optimizer {
 public:
  // weight_decay >= 0. buckets: as UpdateRanges.
  AdamW(std::vector<TrainedParameter> parameters, double weight_decay,
        std::span<const GradientBucket> buckets = {});

  void step(double lr, const at::Tensor& overflow = {}, const GradientFactors& factors = {}) override;
  std::vector<at::Tensor> parameters() const override;
  std::vector<OptimizerState> state() override;

 private:
  UpdateRanges ranges_;
  std::vector<at::Tensor> exp_avgs_, exp_avg_sqs_;  // of each range
  at::Tensor step_;  // scalar float32 on the parameters' device: updates done; a skipped one does not count
  double weight_decay_;
};

}  // namespace facetrain
