#include "tests/bench/vary.hpp"

#include <algorithm>
#include <array>

namespace facetrain::bench {
namespace {

std::uint64_t mix(std::uint64_t x) {  // SplitMix64's finaliser: a bijection, so keys stay different
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ x >> 27) * 0x94D049BB133111EBull;
  return x ^ x >> 31;
}

}  // namespace

void vary(const Image& face, std::uint64_t key, Image& out) {
  std::uint64_t state = mix(key + 0x9E3779B97F4A7C15ull);
  const bool mirror = (state & 1) != 0;
  const int move_x = static_cast<int>(state >> 1 & 7) - 4, move_y = static_cast<int>(state >> 4 & 7) - 4;
  // value x gain + a noise of 0 to 4, for each channel and noise
  std::array<std::array<std::array<std::uint8_t, 256>, 4>, 3> tables;
  for (std::size_t c = 0; c < 3; ++c) {
    const int gain = 225 + static_cast<int>(state >> (8 + 8 * c) & 63);  // of 256
    for (std::size_t noise = 0; noise < 4; ++noise)
      for (std::size_t v = 0; v < 256; ++v)
        tables[c][noise][v] = static_cast<std::uint8_t>(
            std::clamp((static_cast<int>(v) * gain >> 8) + static_cast<int>(noise) - 2, 0, 255));
  }
  out.resize(face.width, face.height);
  for (int y = 0; y < face.height; ++y) {
    const std::uint8_t* row = face.row(std::clamp(y + move_y, 0, face.height - 1));
    std::uint8_t* to = out.row(y);
    std::uint64_t noise = 0;
    for (int x = 0; x < face.width; ++x, to += 3) {
      if (x % 10 == 0) {  // 60 bits: 2 for each of 3 channels of 10 pixels
        state += 0x9E3779B97F4A7C15ull;
        noise = mix(state);
      }
      const int at = std::clamp(x + move_x, 0, face.width - 1);
      const std::uint8_t* from = row + 3 * (mirror ? face.width - 1 - at : at);
      for (std::size_t c = 0; c < 3; ++c, noise >>= 2) to[c] = tables[c][noise & 3][from[c]];
    }
  }
}

}  // namespace facetrain::bench
