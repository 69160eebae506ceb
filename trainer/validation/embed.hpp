// Embeddings of stored pictures: bytes through a network, in batches, original and mirrored picture joined.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>

#include "trainer/backbones/backbone.hpp"
#include "trainer/validation/picture_rows.hpp"

namespace facetrain {

// How the embeddings of a picture o and of its mirror image f are joined; the sums are in the network's type.
enum class Fusion {
  kNone,  // o
  kAdd,   // o + f (--add_flip)
  kNorm,  // f / |f| * |f| + o / |o| * |o| (--add_norm; the same up to rounding)
};
// add_flip wins over add_norm, as in the reference.
constexpr Fusion fusion_of(bool add_flip, bool add_norm) {
  return add_flip ? Fusion::kAdd : add_norm ? Fusion::kNorm : Fusion::kNone;
}

// `pictures`: uint8, n x 3 x 112 x 112, RGB. -> (n, E) on the network's device, without gradient. The
// network's mode is the caller's: eval. At most `batch` pictures are in flight.
at::Tensor embed_pictures(Backbone& backbone, std::span<const std::byte> pictures, Fusion fusion,
                          std::size_t batch, const PictureFormat& format = {});

}  // namespace facetrain
