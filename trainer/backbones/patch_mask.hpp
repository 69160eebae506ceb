// Which patches of a picture a masking Vision Transformer sees in training (as He et al. 2022, "Masked
// Autoencoders").
#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/backbones/backbone.hpp"

namespace facetrain {

struct PatchMask {
  at::Tensor kept;     // (B, K) int64: patches that stay, in the order in which the network sees them
  at::Tensor restore;  // (B, patches) int64: where patch p's token stands in [the K seen, then the masked]
};

// Row r keeps the K patches with the smallest of the words that
// RandomStream(seed, kPatchMask, step, r * world + rank) begins with.
PatchMask patch_mask(const DropoutKey& key, std::int64_t rows, std::int64_t patches, std::int64_t kept,
                     at::Device device);

// x (B, patches, D) -> (B, K, D): the kept ones.
at::Tensor mask_patches(const at::Tensor& x, const PatchMask& mask);

// x (B, K, D), token (1, 1, D) -> (B, patches, D): each back in its place, the token where one was masked.
at::Tensor unmask_patches(const at::Tensor& x, const at::Tensor& token, const PatchMask& mask);

}  // namespace facetrain
