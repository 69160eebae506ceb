// softmax_passes.hpp through LibTorch's operators, for any device and type: what a GPU without our kernels
// uses, and what the kernels are checked against.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/head/logit_rule.hpp"

namespace facetrain {

at::Tensor libtorch_softmax_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule);
void libtorch_softmax_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                               const at::Tensor& factors);

}  // namespace facetrain
