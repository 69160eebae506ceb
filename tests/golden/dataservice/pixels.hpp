// What the pixel goldens share: pictures made by a formula (tests/golden/pixel_patterns.py makes the same),
// checksums, and the recorded cases, one line of fields each.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "dataservice/image.hpp"

namespace facetrain::golden {

inline std::uint32_t hash(std::uint32_t x, std::uint32_t y, std::uint32_t c, std::uint32_t seed) {
  std::uint32_t v = (x * 73856093u) ^ (y * 19349663u) ^ (c * 83492791u) ^ (seed * 2654435761u);
  v ^= v >> 13;
  v *= 1274126177u;
  return v ^ (v >> 16);
}

inline Image pattern(const std::string& kind, std::uint32_t seed, int width, int height) {
  Image image;
  image.resize(width, height);
  const std::uint32_t w = static_cast<std::uint32_t>(width), h = static_cast<std::uint32_t>(height);
  std::uint8_t* out = image.pixels.data();
  for (std::uint32_t y = 0; y < h; ++y) {
    for (std::uint32_t x = 0; x < w; ++x) {
      for (std::uint32_t c = 0; c < 3; ++c) {
        std::uint32_t v = 0;
        if (kind == "noise") {
          v = hash(x, y, c, seed) & 255;
        } else if (kind == "sawtooth") {
          v = (x * 3 + y * 2 * (c + 1) + 7 * seed + 40 * c) & 255;
        } else {
          const std::uint32_t bump = x * (w - x) * 400 / (w * w) + y * (h - y) * 200 / (h * h);
          const std::uint32_t block = ((x / 17 + y / 13 + seed) & 1) * 60;
          v = std::min(bump + block + 20 * c + (hash(x, y, c, seed) & 15), 255u);
        }
        *out++ = static_cast<std::uint8_t>(v);
      }
    }
  }
  return image;
}

// CRC-32 (zlib's) as eight hexadecimal digits.
inline std::string crc(std::span<const std::byte> bytes) {
  std::uint32_t sum = 0xFFFFFFFFu;
  for (const std::byte byte : bytes) {
    sum ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1u) != 0 ? 0xEDB88320u : 0u);
  }
  sum = ~sum;
  std::string text(8, '0');
  for (std::size_t i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[(sum >> (28 - 4 * i)) & 15u];
  return text;
}

inline std::string crc(const Image& image) {
  return crc(std::as_bytes(std::span(image.pixels)));
}

inline std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// Fixtures and goldens: tests/golden/data/.
inline std::string data(const std::string& name) {
  return std::string(FACETRAIN_SOURCE_DIR) + "/tests/golden/data/" + name;
}

// The lines of a recording, without comments.
inline std::vector<std::string> cases(const std::string& name) {
  std::ifstream in(data(name));
  REQUIRE_MESSAGE(in.good(), name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

}  // namespace facetrain::golden
