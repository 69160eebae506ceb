// PNG through libpng: the pixels of Pillow's Image.open(f).convert("RGB"): alpha dropped, palettes looked up,
// 16-bit colour by its high byte, 16-bit gray clipped at 255.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "dataservice/decode/decoder.hpp"

namespace facetrain {

class PngDecoder final : public Decoder {
 public:
  static bool recognises(std::span<const std::byte> bytes);

  void decode(std::span<const std::byte> bytes, Image& image) override;

 private:
  std::vector<unsigned char> wide_;  // 16-bit gray before it is clipped
  std::vector<unsigned char*> rows_;
};

}  // namespace facetrain
