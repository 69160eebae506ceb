// The two passes of the class-sharded softmax over (N, C) logits: one reads them, one writes their gradient
// over them, so that no second tensor of that size is needed. On a CPU row_passes.hpp, on a GPU
// trainer/cuda/fused_softmax.hpp; in other types LibTorch's operators (libtorch_softmax.hpp).
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/head/logit_rule.hpp"

namespace facetrain {

// values (N, C) contiguous, columns (N) int64: the true class, or -1 where another rank has it. Both leave
// the true class's entry out: its logit is not `rule`'s. -> (N) float64: sum over the others of exp(logit -
// shift).
at::Tensor softmax_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule);

// Overwrites `values` (as above; past autograd): factors[row] * exp(logit - shift), 0 where the value lies
// beyond the rule's bound, and 0 for the true class. factors (N) float64.
void softmax_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                      const at::Tensor& factors);

}  // namespace facetrain
