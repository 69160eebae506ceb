// The seam for picture formats: encoded bytes in, RGB out, the same pixels as Pillow's
// Image.open(f).convert("RGB"). A decoder owns its library handle and scratch memory: one per worker thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "dataservice/image.hpp"

namespace facetrain {

class Decoder {
 public:
  virtual ~Decoder() = default;

  // Throws Error(kInput) for bytes that are not a whole, valid picture (truncated files included); `image` is
  // then undefined.
  virtual void decode(std::span<const std::byte> bytes, Image& image) = 0;
};

// A decoder that tells JPEG and PNG apart by content.
std::unique_ptr<Decoder> make_decoder();

}  // namespace facetrain
