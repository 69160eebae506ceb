// Where AVX2 code finds the source bytes of a row's output values. Eight values (of 8/3 pixels) are made at
// once: each half of a vector takes its four values' bytes out of one 16-byte load, by a byte shuffle. One
// table serves all taps of a filter: the bytes of later taps lie whole pixels further.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace facetrain {

struct ByteWindows {
  // What a shuffle puts into a 32-bit lane: two neighbouring pixels' values, 16 bits each (two taps), or one
  // value.
  enum class Lane { kTwoTaps, kOneTap };

  bool fit = false;                 // whether 16 bytes hold every half's values; if not, the rest is empty
  int loads = 0;                    // per half: taps, or pairs of them
  std::vector<std::int32_t> start;  // [2 * chunks]: first byte of the first load, for each half
  std::vector<std::array<std::uint8_t, 32>> shuffle;  // [chunks]

  // [loads][stride]: the 32 bits that a lane is multiplied with, an entry for each output pixel, and some
  // spare ones. Written by whoever made the windows.
  std::vector<std::int32_t> weights;
  std::size_t stride = 0;

  std::size_t chunks() const { return shuffle.size(); }
  std::size_t bytes() const { return start.size() * 4 + shuffle.size() * 32 + weights.size() * 4; }
};

// first: the first source pixel of each output pixel, ascending, of 0 .. width - taps. width: of the source
// row. kTwoTaps: `taps` is even. All loads lie within the row. Weights are zero.
ByteWindows make_byte_windows(std::span<const std::int32_t> first, int width, int taps,
                              ByteWindows::Lane lane);

// Which of the four pixels from pixel 8 * chunk / 3 on each of a chunk's values belongs to, by chunk
// modulo 3.
alignas(32) inline constexpr std::int32_t kPixelOfLane[3][8] = {
    {0, 0, 0, 1, 1, 1, 2, 2}, {0, 1, 1, 1, 2, 2, 2, 3}, {0, 0, 1, 1, 1, 2, 2, 2}};

}  // namespace facetrain
