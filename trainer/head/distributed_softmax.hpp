// The differentiable collectives of a class-sharded head: gathering the embeddings, and softmax cross-entropy
// over logits of which every rank holds some columns; and the split that lets a margin see the true class's
// column alone.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/comm/communicator.hpp"
#include "trainer/head/logit_rule.hpp"

namespace facetrain {

// embeddings (B, E) of this rank -> (world * B, E) of all, by rank. Backward: the sum over ranks of the
// gradients of this rank's rows, times the world size (see ShardedClassifier::loss). `trainers` must outlive
// the backward.
at::Tensor gather_embeddings(const at::Tensor& embeddings, Communicator& trainers);

// Two views of (N, C) values, both with gradient; that of `target` is added to the entry it was taken from.
struct SplitValues {
  at::Tensor all;     // the same memory as the values
  at::Tensor target;  // (N, 1) of type `type`: the true class's entries, 0 where another rank has the class
};
SplitValues split_true_class(const at::Tensor& values, const at::Tensor& columns, at::ScalarType type);

// The rule's shift for logits of at most `bound`, so that sums of exponentials in `type` (half types are
// computed in float32) stay finite with 10^10 classes. No maximum over the ranks has to be sought: cosines
// are bounded.
double softmax_shift(double bound, at::ScalarType type);

// values (N, C of this rank), of which `rule` makes the logits, but for the true class's, which is rule.scale
// * target (N, 1); columns (N) int64: of the true class, or -1 where another rank has it -> scalar of
// target's type:
//   mean over rows of min(log(sum over all ranks' columns of exp(logit)) - true logit, -log(1e-30)),
// equal on all ranks. Backward: (softmax - one-hot) / N times the scale, also for rows at the bound, as in
// the reference; it is written over `values`, which nobody may read from then on, and runs once. C may be 0.
// One collective forward, none backward.
at::Tensor distributed_cross_entropy(const at::Tensor& values, const at::Tensor& target,
                                     const at::Tensor& columns, const LogitRule& rule,
                                     Communicator& trainers);

// Of logits as they are, none above `bound`.
at::Tensor distributed_cross_entropy(const at::Tensor& logits, const at::Tensor& columns, double bound,
                                     Communicator& trainers);

}  // namespace facetrain
