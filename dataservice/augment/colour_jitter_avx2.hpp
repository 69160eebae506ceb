// Colour jitter with AVX2 in two passes over the picture: what comes before contrast together with the sum of
// the luma that contrast needs, then contrast and what follows it. The blends are integer arithmetic with the
// results of Pillow's floats: see blend_multiplier.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataservice/augment/colour_jitter.hpp"

namespace facetrain {

// The gray level that contrast blends with: the mean of the luma, rounded half up.
inline std::uint8_t mean_level(std::uint64_t luma_sum, std::size_t pixels) {
  return static_cast<std::uint8_t>(static_cast<double>(luma_sum) / static_cast<double>(pixels) + 0.5);
}

#ifdef FACETRAIN_HAS_AVX2

// The m for which value + (((value - level) * m) >> 16), clipped, is Pillow's
// int(clip(level + factor * (value - level))) in float arithmetic, for every level and value in 0..255.
//
// Without rounding there is one for every factor in [.5, 1.5) that is no fraction with a denominator below
// 256: two slopes give different integer parts somewhere on -255..255 only if such a fraction lies between
// them, neighbouring fractions are more than 2^-16 apart, and so one of the two multiples of 2^-16 around the
// factor is in the factor's gap. Floats round, so every difference is tried: about one factor in 150 has
// none.
std::optional<std::int16_t> blend_multiplier(float factor);

// False, and nothing is changed, if one of the three factors has no multiplier.
bool jitter_avx2(std::span<std::uint8_t> pixels, const ColourJitter& how);

#endif

}  // namespace facetrain
