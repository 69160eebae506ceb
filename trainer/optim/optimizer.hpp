// The seam for update rules: what happens to the parameters once the gradients are averaged and clipped.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace facetrain {

struct TrainedParameter {
  at::Tensor tensor;         // with .grad at each step; all on one device
  bool weight_decay = true;  // false: BatchNorm's weight and bias (AdamW decays them too, as the reference's)
};

// What a rule remembers, for checkpoints. The tensors are the optimiser's own: copying into them restores it.
struct OptimizerState {
  std::string name;                 // torch's: momentum_buffer, exp_avg, exp_avg_sq, step
  std::vector<at::Tensor> tensors;  // one for each parameter given, of its shape; "step": one scalar
                                    // for all. That of sparse rows: SparseRows::state()
};

class SparseRows;

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One update with learning rate lr. overflow (1 element, float32, on the parameters' device; undefined:
  // none): where it holds 1 nothing changes, without asking the GPU. Throws Error(kInternal) for a parameter
  // without gradient.
  virtual void step(double lr, const at::Tensor& overflow = {}) = 0;

  // What a step trains: the parameters in the order given, then the sparse rows that are taken.
  virtual std::vector<at::Tensor> parameters() const = 0;
  virtual std::vector<OptimizerState> state() = 0;
};

// The rule that train.optimizer names, with train.momentum and train.weight_decay. sparse: rows that are
// trained too (SGD only; null: none). Throws Error(kConfig).
std::unique_ptr<Optimizer> make_optimizer(const Config& config,
                                          const std::vector<TrainedParameter>& parameters,
                                          SparseRows* sparse = nullptr);

// parameter.grad() in the parameter's memory order, which torch's fused kernels walk by address; a copy where
// it lies otherwise. index: for the Error(kInternal) where there is none.
at::Tensor gradient_in_order(const at::Tensor& parameter, std::size_t index);

}  // namespace facetrain
