// The AVX2 side of ByteWindows, and how sums become bytes: for the files of AVX2 passes only.
#pragma once

#include "dataservice/augment/byte_windows.hpp"
#include "dataservice/instructions.hpp"

#ifdef FACETRAIN_HAS_AVX2
#include <immintrin.h>

namespace facetrain::avx2 {

FACETRAIN_INLINE_AVX2 __m256i load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

// What all loads and rows of a chunk share.
struct Chunk {
  std::size_t low, high;  // where the halves' first loads start
  std::size_t pixel;      // of the first value
  __m256i shuffle, pixel_of_lane;
};

FACETRAIN_INLINE_AVX2 Chunk chunk_of(const ByteWindows& windows, std::size_t i) {
  return {static_cast<std::size_t>(windows.start[2 * i]), static_cast<std::size_t>(windows.start[2 * i + 1]),
          8 * i / 3, load(windows.shuffle[i].data()), load(kPixelOfLane[i % 3])};
}

// The lanes of a load, `offset` bytes after the first one.
FACETRAIN_INLINE_AVX2 __m256i lanes(const Chunk& chunk, const std::uint8_t* pixels, std::size_t offset) {
  const auto* low = reinterpret_cast<const __m128i*>(pixels + chunk.low + offset);
  const auto* high = reinterpret_cast<const __m128i*>(pixels + chunk.high + offset);
  const __m256i bytes =
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(low)), _mm_loadu_si128(high), 1);
  return _mm256_shuffle_epi8(bytes, chunk.shuffle);
}

// Row `row` of windows.weights, for the chunk's lanes.
FACETRAIN_INLINE_AVX2 __m256i lane_weights(const ByteWindows& windows, const Chunk& chunk, std::size_t row) {
  const std::int32_t* w = &windows.weights[row * windows.stride + chunk.pixel];
  const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w));
  return _mm256_castps_si256(
      _mm256_permutevar_ps(_mm256_castsi256_ps(_mm256_broadcastsi128_si256(four)), chunk.pixel_of_lane));
}

// Eight 32-bit numbers, clipped, as eight bytes.
FACETRAIN_INLINE_AVX2 void store_8(__m256i v, std::uint8_t* out) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(words, words));
}

// 32 such numbers, in order.
FACETRAIN_INLINE_AVX2 void store_32(__m256i a, __m256i b, __m256i c, __m256i d, std::uint8_t* out) {
  const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(bytes, order));
}

}  // namespace facetrain::avx2
#endif
