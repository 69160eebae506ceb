// The two passes of PillowResize with AVX2. A weight of 1 is 2^22.
#pragma once

#include <cstdint>
#include <span>

#include "dataservice/augment/byte_windows.hpp"
#include "dataservice/image.hpp"
#include "dataservice/instructions.hpp"

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
