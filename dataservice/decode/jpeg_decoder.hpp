// JPEG through libjpeg-turbo: the pixels of Pillow's Image.open(f).convert("RGB") (accurate DCT, fancy
// upsampling, and for four components Adobe's inverted CMYK with Pillow's uncalibrated conversion).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "dataservice/decode/decoder.hpp"

namespace facetrain {

class JpegDecoder final : public Decoder {
 public:
  JpegDecoder();
  ~JpegDecoder() override;
  JpegDecoder(JpegDecoder&&) noexcept;
  JpegDecoder& operator=(JpegDecoder&&) noexcept;

  static bool recognises(std::span<const std::byte> bytes);  // starts with a JPEG's first marker

  void decode(std::span<const std::byte> bytes, Image& image) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace facetrain
