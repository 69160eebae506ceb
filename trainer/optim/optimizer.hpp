// The seam for update rules: what happens to the parameters once the gradients are averaged and clipped.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "trainer/optim/update_ranges.hpp"

namespace facetrain {

// What a rule remembers, for checkpoints. The tensors are the optimiser's own: copying into them restores it.
struct OptimizerState {
  std::string name;                 // torch's: momentum_buffer, exp_avg, exp_avg_sq, step
  std::vector<at::Tensor> tensors;  // one for each parameter given, of its shape; "step": one scalar
                                    // for all. That of sparse rows: SparseRows::state()
};

// What the gradients are multiplied by on their way into an update, whose pass does it: scalars (float32, or
// the gradients' type) on their device; undefined: 1.
struct GradientFactors {
  at::Tensor unscale;  // all of them: 1 / loss scale
  at::Tensor clip;     // those of parameters that are `clipped`, after that
};

class SparseRows;

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One update with learning rate lr. overflow (1 element, float32, on the parameters' device; undefined:
  // none): where it holds 1 nothing changes, without asking the GPU. What .grad holds afterwards is not
  // defined. Throws Error(kInternal) as UpdateRanges::gradients does.
  virtual void step(double lr, const at::Tensor& overflow = {}, const GradientFactors& factors = {}) = 0;

  // What a step trains: the parameters in the order given, then the sparse rows that are taken.
  virtual std::vector<at::Tensor> parameters() const = 0;
  virtual std::vector<OptimizerState> state() = 0;
};

// The rule that train.optimizer names, with train.momentum and train.weight_decay. sparse: rows that are
// trained too (SGD only; null: none). buckets: as UpdateRanges. Throws Error(kConfig).
std::unique_ptr<Optimizer> make_optimizer(const Config& config, std::vector<TrainedParameter> parameters,
                                          SparseRows* sparse = nullptr,
                                          std::span<const GradientBucket> buckets = {});

// The product of those of the two that are defined; undefined when neither is.
at::Tensor product(const at::Tensor& a, const at::Tensor& b);

// What torch's fused kernels divide gradients by, for a factor as above: float32, or nothing.
std::optional<at::Tensor> divisor_of(const at::Tensor& factor);

}  // namespace facetrain
