// What a head needs so that values and gradients stay those of one process when its loss is put together from
// all ranks. The gradients that ranks hand to the embeddings are added up (ShardedClassifier::loss), so every
// term must be differentiated once over all ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

// Sum over ranks of `part` (contiguous); the gradient is this rank's part's. One collective, none backward.
at::Tensor sum_over_ranks(const at::Tensor& part, Communicator& trainers);

// A value that all ranks compute alike from the global batch: itself, with 1 / world size of its gradient.
at::Tensor alike_on_ranks(const at::Tensor& value, Communicator& trainers);

// A parameter that all ranks hold alike: itself; its gradient is the sum over ranks, so that it stays alike.
// One collective backward. `trainers` must outlive the backward.
at::Tensor alike_parameter(const at::Tensor& parameter, Communicator& trainers);

}  // namespace facetrain
