// A head's logits written out, for tests of what a head says of given cosines.
#pragma once

#include <ATen/ATen.h>

#include "trainer/head/distributed_softmax.hpp"
#include "trainer/head/head.hpp"

namespace facetrain::test {

// (N, C) with gradient; cosines (N, C), columns (N), the rest as HeadInput's.
inline at::Tensor written_out(const HeadOutput& output, const at::Tensor& cosines,
                              const at::Tensor& columns) {
  if (!output.margin) return output.logits;
  if (cosines.size(1) == 0) return cosines * kLogitScale;
  const at::Tensor own = columns.ge(0).unsqueeze(1), column = columns.clamp_min(0).unsqueeze(1);
  const at::Tensor clamped = cosines.clamp(-output.margin->bound, output.margin->bound);
  const at::Tensor kept = clamped.gather(1, column);
  return clamped.scatter(1, column, at::where(own, output.margin->target, kept)) * kLogitScale;
}

inline at::Tensor head_logits(Head& head, const at::Tensor& cosines, const at::Tensor& columns,
                              const at::Tensor& norms, const at::Tensor& directions, Communicator& trainers) {
  const SplitValues split = split_true_class(cosines, columns, cosines.scalar_type());
  return written_out(
      head.forward({split.all, split.target, columns, norms, directions, columns.clamp_min(0), trainers}),
      split.all, columns);
}

// The head's own loss or the sum of its logits, and what it adds.
inline at::Tensor head_value(Head& head, const at::Tensor& cosines, const at::Tensor& columns,
                             const at::Tensor& norms, const at::Tensor& directions, Communicator& trainers) {
  const SplitValues split = split_true_class(cosines, columns, cosines.scalar_type());
  const HeadOutput output =
      head.forward({split.all, split.target, columns, norms, directions, columns.clamp_min(0), trainers});
  const at::Tensor value = output.loss ? *output.loss : written_out(output, split.all, columns).sum();
  return output.extra ? value + *output.extra : value;
}

}  // namespace facetrain::test
