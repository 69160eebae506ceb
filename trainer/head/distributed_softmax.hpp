// The two differentiable collectives of a class-sharded head: gathering the embeddings, and softmax
// cross-entropy over logits of which every rank holds some columns.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

// embeddings (B, E) of this rank -> (world * B, E) of all, by rank. Backward: the sum over ranks of the
// gradients of this rank's rows, times the world size (see ShardedClassifier::loss). `trainers` must outlive
// the backward.
at::Tensor gather_embeddings(const at::Tensor& embeddings, Communicator& trainers);

// logits (N, C of this rank), labels (N) int64: column of the true class, or -1 where another rank has it ->
// scalar
//   mean over rows of min(log(sum over all ranks' columns of exp(logit)) - true logit, -log(1e-30)),
// equal on all ranks. Backward: (softmax - one-hot) / N, also for rows at the bound, as in the reference.
// C may be 0. Two collectives forward, none backward.
at::Tensor distributed_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                     Communicator& trainers);

}  // namespace facetrain
