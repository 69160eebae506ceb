// The arithmetic of a run: the tensors' types that a precision (common/precision.hpp) means.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/precision.hpp"

namespace facetrain {

// Of parameters, gradients and the softmax: float64 for fp64, else float32.
at::ScalarType parameter_type(Precision precision);

// Of the head's product embeddings x centres: half precision on a GPU in fp16 and bf16, else as the
// parameters.
at::ScalarType linear_type(Precision precision, at::Device device);

}  // namespace facetrain
