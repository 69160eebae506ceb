// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD computes it:
//   g' = g + decay * p;  v = momentum * v + g' (v = g' at first);  p = p - lr * v.
// Parameters and velocities are handled as lists, so that a later version may lay each list out as one flat
// memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "trainer/optim/sparse_rows.hpp"

namespace facetrain {

struct SgdParameter {
  at::Tensor tensor;         // with .grad at each step; on one device
  bool weight_decay = true;  // false: BatchNorm's weight and bias
};

class Sgd {
 public:
  // momentum in [0, 1), weight_decay >= 0. sparse: rows that are trained too, with decay (null: none).
  Sgd(const std::vector<SgdParameter>& parameters, double momentum, double weight_decay,
      SparseRows* sparse = nullptr);

  // One update with learning rate lr. overflow (1 element, float32, on the parameters' device; undefined:
  // none): where it holds 1 nothing changes, without asking the GPU. Throws Error(kInternal) for a parameter
  // without gradient.
  void step(double lr, const at::Tensor& overflow = {});

  // What the step trains: the parameters in the order given, then the sparse rows that are taken.
  std::vector<at::Tensor> parameters() const;
  // v of the i-th parameter given, same shape; for checkpoints (the sparse rows have their own).
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
