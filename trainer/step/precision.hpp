// The arithmetic of a run: the tensors' types that a precision (common/precision.hpp) means.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "common/precision.hpp"

namespace facetrain {

// Of parameters, gradients and the softmax: float64 for fp64, else float32.
at::ScalarType parameter_type(Precision precision);

// Of the head's product embeddings x centres: half precision on a GPU in fp16 and bf16, else as the
// parameters.
at::ScalarType linear_type(Precision precision, at::Device device);

// In which type gradients travel between ranks (see GradientBuckets): float32 stands for their own. On GPUs
// float16 in fp16 (as the reference's fp16_compress_hook), bfloat16 in bf16: without a loss scale float16
// would lose small gradients. So fp32 stays float32, where the reference's hook rounds to float16 as well.
at::ScalarType wire_type(Precision precision, at::Device device);

// Whether this CPU multiplies bfloat16 by instructions of its own (AVX512_BF16, AMX), which LibTorch uses.
bool cpu_multiplies_bf16();

// What train.precision comes to on a device where that is not what it says; "" or " (...)", for the log.
std::string precision_note(const std::string& name, at::Device device, bool bf16_cpu = cpu_multiplies_bf16());

// train.tf32: whether float32 matrix products on a GPU may round their factors to TF32. (cuDNN's float32
// convolutions do in any case, as PyTorch lets them, and so the reference.) Process-wide; nothing on a CPU.
void use_tf32(bool on, at::Device device);

}  // namespace facetrain
