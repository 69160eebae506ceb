// Format and size of a picture from its first bytes, without decoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace facetrain {

struct PictureHeader {
  enum class Format { kJpeg, kPng };
  Format format = Format::kJpeg;
  std::uint32_t width = 0, height = 0;
  int channels = 0;  // components of a JPEG; a PNG's channels (palette: 3)

  bool operator==(const PictureHeader&) const = default;
};

std::string_view name_of(PictureHeader::Format format);

// JPEG: the frame header (SOF0 .. SOF15, ITU-T T.81 B.2.2) after whatever segments stand before it; PNG: IHDR
// (ISO/IEC 15948, 11.2.2). Nothing for other content, and for bytes that end before the header does.
std::optional<PictureHeader> read_picture_header(std::span<const std::byte> bytes);

}  // namespace facetrain
