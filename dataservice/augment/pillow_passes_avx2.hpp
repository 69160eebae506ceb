// The two passes of PillowResize with AVX2, and what they share with the portable ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "dataservice/augment/byte_windows.hpp"
#include "dataservice/image.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

inline constexpr int kPillowWeightBits = 22;  // a weight of 1 is 2^22
inline constexpr std::int32_t kPillowHalf = 1
                                            << (kPillowWeightBits - 1);  // where a sum begins: it is rounded

inline std::uint8_t pillow_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPillowWeightBits, 0, 255));
}

}  // namespace facetrain

#ifdef FACETRAIN_HAS_AVX2
namespace facetrain::avx2 {

// A 22-bit weight is the product's high part times 2^11 plus its low part: sums of 16-bit products are exact.
inline constexpr int kPillowLowBits = 11;

// The width of `target` changes; its height is the source's. windows.weights has the pairs of all weights'
// high parts first, [loads][stride], then those of their low parts.
void pillow_columns(const ByteWindows& windows, const Image& source, Image& target);

// One output row of `count` values: the weighted sum of weights.size() rows from `first` on, `count` bytes
// apart.
void pillow_row(const std::uint8_t* first, std::span<const std::int32_t> weights, std::size_t count,
                std::uint8_t* out);

}  // namespace facetrain::avx2
#endif
