#include "dataservice/augment/pillow_passes_avx2.hpp"

#ifdef FACETRAIN_HAS_AVX2
#include <algorithm>
#include <array>
#include <cstring>

#include "dataservice/augment/byte_windows_avx2.hpp"

namespace facetrain::avx2 {
namespace {

FACETRAIN_INLINE_AVX2 __m256i rounded(__m256i sum) {
  return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(kPillowHalf)), kPillowWeightBits);
}

}  // namespace

FACETRAIN_AVX2 void pillow_columns(const ByteWindows& windows, const Image& source, Image& target) {
  constexpr int together = 4;  // rows that share the reading of the table
  const std::size_t pairs = static_cast<std::size_t>(windows.loads);
  const std::size_t count = static_cast<std::size_t>(target.width) * 3;
  for (int y = 0; y < target.height; y += together) {
    const std::uint8_t* from[together];
    std::uint8_t* to[together];
    for (int r = 0; r < together; ++r) {  // of fewer rows, the last one again
      from[r] = source.row(std::min(y + r, target.height - 1));
      to[r] = target.row(std::min(y + r, target.height - 1));
    }
    for (std::size_t i = 0; i < windows.chunks(); ++i) {
      const Chunk chunk = chunk_of(windows, i);
      __m256i high[together], low[together];
      for (int r = 0; r < together; ++r) high[r] = low[r] = _mm256_setzero_si256();
      for (std::size_t k = 0; k < pairs; ++k) {
        const __m256i w_high = lane_weights(windows, chunk, k),
                      w_low = lane_weights(windows, chunk, pairs + k);
        for (int r = 0; r < together; ++r) {
          const __m256i values = lanes(chunk, from[r], 6 * k);
          high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(values, w_high));
          low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(values, w_low));
        }
      }
      for (int r = 0; r < together; ++r) {
        const __m256i sum = rounded(_mm256_add_epi32(_mm256_slli_epi32(high[r], kPillowLowBits), low[r]));
        if (8 * i + 8 <= count) {
          store_8(sum, to[r] + 8 * i);
        } else {
          std::array<std::uint8_t, 8> last;
          store_8(sum, last.data());
          std::memcpy(to[r] + 8 * i, last.data(), count - 8 * i);
        }
      }
    }
  }
}

FACETRAIN_AVX2 void pillow_row(const std::uint8_t* first, std::span<const std::int32_t> weights,
                               std::size_t count, std::uint8_t* out) {
  const auto eight = [&](std::size_t i) FACETRAIN_AVX2 {
    __m256i sum = _mm256_setzero_si256();
    const std::uint8_t* from = first + i;
    for (const std::int32_t weight : weights) {
      const __m256i values = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
      sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(values, _mm256_set1_epi32(weight)));
      from += count;
    }
    return rounded(sum);
  };
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) store_32(eight(i), eight(i + 8), eight(i + 16), eight(i + 24), out + i);
  for (; i + 8 <= count; i += 8) store_8(eight(i), out + i);
  for (; i < count; ++i) {
    std::int32_t sum = kPillowHalf;
    for (std::size_t k = 0; k < weights.size(); ++k) sum += first[k * count + i] * weights[k];
    out[i] = pillow_pixel(sum);
  }
}

}  // namespace facetrain::avx2
#endif
