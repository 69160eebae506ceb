// The arithmetic of a run: what train.precision means on a device.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace facetrain {

enum class Precision { kFp16, kBf16, kFp32, kFp64 };

// train.precision on a device; fp16 on the CPU becomes fp32 (the caller says so). Throws Error(kConfig) for
// another name.
Precision precision_of(const std::string& name, at::Device device);

// Of parameters, gradients and the softmax: float64 for fp64, else float32.
at::ScalarType parameter_type(Precision precision);

// Of the head's product embeddings x centres: half precision on a GPU in fp16 and bf16, else as the
// parameters.
at::ScalarType linear_type(Precision precision, at::Device device);

}  // namespace facetrain
