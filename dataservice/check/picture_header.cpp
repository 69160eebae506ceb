#include "dataservice/check/picture_header.hpp"

#include <array>
#include <string_view>

namespace facetrain {
namespace {

std::uint32_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]);
}
std::uint32_t number16(std::span<const std::byte> bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}
std::uint32_t number32(std::span<const std::byte> bytes, std::size_t at) {
  return number16(bytes, at) << 16 | number16(bytes, at + 2);
}

bool is_frame(std::uint32_t marker) {  // SOF, but not DHT, JPG, DAC
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

std::optional<PictureHeader> read_jpeg(std::span<const std::byte> bytes) {
  for (std::size_t at = 2; at + 4 <= bytes.size();) {
    if (byte_at(bytes, at) != 0xFF) {  // stray bytes between segments
      ++at;
      continue;
    }
    const std::uint32_t marker = byte_at(bytes, at + 1);
    if (marker == 0xFF || marker == 0x00) {  // fill bytes
      ++at;
    } else if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {  // without length
      at += 2;
    } else if (is_frame(marker)) {
      if (at + 10 > bytes.size()) return {};
      return PictureHeader{PictureHeader::Format::kJpeg, number16(bytes, at + 7), number16(bytes, at + 5),
                           static_cast<int>(byte_at(bytes, at + 9))};
    } else if (marker == 0xD9 || marker == 0xDA) {  // the scan, or the end, without a frame
      return {};
    } else {
      at += 2 + number16(bytes, at + 2);
    }
  }
  return {};
}

std::optional<PictureHeader> read_png(std::span<const std::byte> bytes) {
  if (bytes.size() < 26 || number32(bytes, 12) != 0x49484452) return {};  // "IHDR"
  constexpr std::array<int, 7> channels = {1, 0, 3, 3, 2, 0, 4};          // by colour type
  const std::uint32_t type = byte_at(bytes, 25);
  return PictureHeader{PictureHeader::Format::kPng, number32(bytes, 16), number32(bytes, 20),
                       type < channels.size() ? channels[type] : 0};
}

}  // namespace

std::string_view name_of(PictureHeader::Format format) {
  return format == PictureHeader::Format::kJpeg ? "JPEG" : "PNG";
}

std::optional<PictureHeader> read_picture_header(std::span<const std::byte> bytes) {
  constexpr std::string_view png = "\x89PNG\r\n\x1a\n";
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (content.starts_with("\xFF\xD8")) return read_jpeg(bytes);
  if (content.starts_with(png)) return read_png(bytes);
  return {};
}

}  // namespace facetrain
