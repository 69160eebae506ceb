// A PNG without compression, so that tests of programs which never decode a picture can still make one.
#pragma once

#include <cstdint>
#include <fstream>
#include <span>
#include <string>

namespace facetrain::test {

// pixels: height x width x 3, RGB; height * (3 * width + 1) below 65,536.
inline void write_png(const std::string& path, int width, int height, std::span<const std::uint8_t> pixels) {
  const auto big_endian = [](std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
    return bytes;
  };
  const auto chunk = [&](const std::string& name, const std::string& data) {
    const std::string body = name + data;
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const char c : body) {
      crc ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1u) != 0 ? 0xEDB88320u : 0u);
    }
    return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(~crc);
  };
  std::string raw;
  const std::size_t line = static_cast<std::size_t>(width) * 3;
  for (int y = 0; y < height; ++y) {
    raw += '\0';  // no filter
    for (const std::uint8_t v : pixels.subspan(static_cast<std::size_t>(y) * line, line))
      raw += static_cast<char>(v);
  }
  std::uint32_t low = 1, high = 0;  // Adler-32
  for (const char c : raw) {
    low = (low + static_cast<unsigned char>(c)) % 65521;
    high = (high + low) % 65521;
  }
  const auto size = static_cast<std::uint16_t>(raw.size());
  std::string stored = "\x78\x01\x01";  // zlib, one stored block, the last
  for (const std::uint16_t n : {size, static_cast<std::uint16_t>(~size)})
    stored += {static_cast<char>(n & 0xFF), static_cast<char>(n >> 8)};
  stored += raw + big_endian(high << 16 | low);
  const std::string header = big_endian(static_cast<std::uint32_t>(width)) +
                             big_endian(static_cast<std::uint32_t>(height)) +
                             std::string("\x08\x02\0\0\0", 5);
  std::ofstream file(path, std::ios::binary);
  file << "\x89PNG\r\n\x1a\n" << chunk("IHDR", header) << chunk("IDAT", stored) << chunk("IEND", "");
}

}  // namespace facetrain::test
