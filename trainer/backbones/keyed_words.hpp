// Random words for the rows of a batch, each row's from its place in the step's global batch: whatever is
// drawn from them does not depend on the number of ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "common/plan/philox.hpp"
#include "trainer/backbones/backbone.hpp"

namespace facetrain {

// (rows, columns) int64 on `device`, in [0, 2^32): column c of row r is word c of RandomStream(seed, purpose,
// step, r * world + rank).
at::Tensor keyed_words(const DropoutKey& key, Purpose purpose, std::int64_t rows, std::int64_t columns,
                       at::Device device);

// The same words by ATen integer operations, which need no kernel of ours on a GPU: element w of the array,
// row r, column b is word 4 b + w; (rows, blocks) each, or of a shape that broadcasts to it.
std::array<at::Tensor, 4> keyed_blocks(const DropoutKey& key, Purpose purpose, std::int64_t rows,
                                       std::int64_t blocks, at::Device device);
// keyed_words by keyed_blocks: what it does on a GPU.
at::Tensor keyed_words_by_tensor_operations(const DropoutKey& key, Purpose purpose, std::int64_t rows,
                                            std::int64_t columns, at::Device device);

}  // namespace facetrain
