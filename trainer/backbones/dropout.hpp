// Dropout masks that do not depend on the number of ranks: each row draws from its place in the step's global
// batch.
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/backbones/backbone.hpp"

namespace facetrain {

// (rows, columns) bool on `device`: true keeps the value, with probability 1 - p. Column c of row r is
// decided by word c of RandomStream(seed, kDropout, step, r * world + rank): kept if word >= p * 2^32. p in
// [0, 1).
at::Tensor dropout_mask(const DropoutKey& key, std::int64_t rows, std::int64_t columns, double p,
                        at::Device device);

// The same mask by ATen integer operations: what dropout_mask uses on a GPU, where it needs no kernel of
// ours. Any device.
at::Tensor dropout_mask_by_tensor_operations(const DropoutKey& key, std::int64_t rows, std::int64_t columns,
                                             double p, at::Device device);

// x (rows, columns) times the mask / (1 - p), in x's dtype, as torch's dropout scales.
at::Tensor apply_dropout(const at::Tensor& x, const DropoutKey& key, double p);

}  // namespace facetrain
