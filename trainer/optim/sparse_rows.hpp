// A matrix of which each step trains a few rows, by SGD with momentum and weight decay, and which still ends
// up where dense SGD would put it: there the other rows have gradient zero, and decay and momentum move them
//   (v, p) <- A (v, p),  A = (m, d; -lr m, 1 - lr d),  m momentum, d decay.
// A row that a step does not train is left alone; when it is next trained (or read) it is multiplied by the
// product of the A of the steps it missed. Equal to the dense rule up to rounding, for any sequence of
// learning rates.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace facetrain {

class SparseRows {
 public:
  // rows (R, E), changed in place; velocities start at zero. Every `history` (>= 2) steps all rows are caught
  // up, so that the table of products stays that short.
  explicit SparseRows(at::Tensor rows, std::int64_t history = 1024);

  // What the next step trains: a copy of the rows `indices` ((S) int64, distinct, on the rows' device),
  // brought up to date, as a leaf (S, E) with gradient.
  at::Tensor take(const at::Tensor& indices);
  const at::Tensor& taken() const { return taken_; }  // the leaf of the last take(); undefined before

  // Updates the taken rows with their gradient times `unscale`, and the others as with gradient zero.
  // overflow, unscale: as in Sgd::step. Throws Error(kInternal) when nothing is taken or the leaf has no
  // gradient.
  void step(double lr, double momentum, double weight_decay, const at::Tensor& overflow = {},
            const at::Tensor& unscale = {});

  // Brings all rows up to date; does nothing when they are.
  void catch_up();
  const at::Tensor& velocity();  // (R, E), all up to date

  // What a checkpoint keeps: the tensors as they are (copying into them restores), rows left behind and all,
  // since bringing them up to date would round them otherwise than the run that writes none. Between two
  // steps.
  struct State {
    at::Tensor values, velocities, marks;  // (R, E), (R, E), (R) int64
    at::Tensor products, last_mark;        // the same on all ranks: (2, 2, history) float64, int64 scalar
  };
  State state() const { return {rows_, velocity_, mark_, missed_, last_mark_}; }

 private:
  struct Rows {
    at::Tensor values, velocities;
  };
  Rows current(const at::Tensor& indices) const;
  std::int64_t& last_mark() { return *last_mark_.mutable_data_ptr<std::int64_t>(); }
  void remember_step(double lr, double momentum, double weight_decay, const at::Tensor& overflow);

  at::Tensor rows_, velocity_;
  at::Tensor mark_;       // (R) int64: the row is up to date as of that mark
  at::Tensor missed_;     // (2, 2, history) float64: [.., .., i] the product of the steps since mark i
  at::Tensor last_mark_;  // scalar int64 on the CPU: whose product is the identity; mark 0 is the last
                          // catch_up()
  at::Tensor indices_, taken_, taken_velocity_;
};

}  // namespace facetrain
