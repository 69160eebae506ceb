// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD computes it:
//   g' = g + decay * p;  v = momentum * v + g' (v = g' at first);  p = p - lr * v.
// Parameters and velocities are handled as lists, so that a later version may lay each list out as one flat
// memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/optim/optimizer.hpp"
#include "trainer/optim/sparse_rows.hpp"

namespace facetrain {

class Sgd final : public Optimizer {
 public:
  // momentum in [0, 1]; weight_decay >= 0, of the parameters that want it. sparse: rows that are trained too,
  // with decay (null: none).
  Sgd(const std::vector<TrainedParameter>& parameters, double momentum, double weight_decay,
      SparseRows* sparse = nullptr);

  void step(double lr, const at::Tensor& overflow = {}) override;
  std::vector<at::Tensor> parameters() const override;
  std::vector<OptimizerState> state() override;

  // v of the i-th parameter given, same shape. Empty with momentum 0, where v is the gradient and nothing is
  // kept.
  const std::vector<at::Tensor>& velocities() const { return velocities_; }

 private:
  struct Group {
    std::vector<std::size_t> members;  // indices into parameters_
    double weight_decay = 0;
  };

  std::vector<at::Tensor> parameters_, velocities_;
  std::vector<Group> groups_;
  double momentum_, weight_decay_;
  SparseRows* sparse_;
};

}  // namespace facetrain
