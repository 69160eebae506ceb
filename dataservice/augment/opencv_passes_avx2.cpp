#include "dataservice/augment/opencv_passes.hpp"

#ifdef FACETRAIN_HAS_AVX2
#include <algorithm>
#include <array>

#include "dataservice/augment/byte_windows_avx2.hpp"

namespace facetrain {
namespace {

using namespace avx2;

// Always kRowsTogether rows: of fewer, the last one again.
struct Block {
  explicit Block(std::span<const RowOfSums> given) {
    for (std::size_t r = 0; r < kRowsTogether; ++r) rows[r] = given[std::min(r, given.size() - 1)];
  }
  std::array<RowOfSums, kRowsTogether> rows;
};

FACETRAIN_INLINE_AVX2 void store_sums(Filter filter, __m256i sum, std::byte* sums, std::size_t value) {
  if (filter == Filter::kLinear) {
    const __m256i shifted = _mm256_srai_epi32(sum, 4);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(shifted, shifted), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + 2 * value), _mm256_castsi256_si128(packed));
  } else if (filter == Filter::kCubic) {
    _mm256_storeu_ps(reinterpret_cast<float*>(sums + 4 * value), _mm256_cvtepi32_ps(sum));
  } else {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 4 * value), sum);
  }
}

template <Filter kFilter, std::size_t kPairs>
FACETRAIN_AVX2 void convolve_along(const ColumnTable& table, std::span<const RowOfSums> given, int,
                                   std::vector<std::int64_t>&) {
  const ByteWindows& windows = table.windows;
  const Block block(given);
  for (std::size_t i = 0; i < windows.chunks(); ++i) {
    const Chunk chunk = chunk_of(windows, i);
    __m256i w[kPairs];
    for (std::size_t k = 0; k < kPairs; ++k) w[k] = lane_weights(windows, chunk, k);
    for (const RowOfSums& row : block.rows) {
      __m256i sum = _mm256_madd_epi16(lanes(chunk, row.pixels, 0), w[0]);
      for (std::size_t k = 1; k < kPairs; ++k) {
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(lanes(chunk, row.pixels, 6 * k), w[k]));
      }
      store_sums(kFilter, sum, row.sums, 8 * i);
    }
  }
}

FACETRAIN_AVX2 void average_along(const ColumnTable& table, std::span<const RowOfSums> given, int,
                                  std::vector<std::int64_t>&) {
  const ByteWindows& windows = table.windows;
  const std::size_t taps = static_cast<std::size_t>(windows.loads);
  const Block block(given);
  for (std::size_t i = 0; i < windows.chunks(); ++i) {
    const Chunk chunk = chunk_of(windows, i);
    __m256 sums[kRowsTogether];
    for (__m256& sum : sums) sum = _mm256_setzero_ps();
    for (std::size_t k = 0; k < taps; ++k) {
      const __m256 w = _mm256_castsi256_ps(lane_weights(windows, chunk, k));
      for (std::size_t r = 0; r < kRowsTogether; ++r) {
        const __m256 values = _mm256_cvtepi32_ps(lanes(chunk, block.rows[r].pixels, 3 * k));
        sums[r] = _mm256_add_ps(sums[r], _mm256_mul_ps(values, w));
      }
    }
    for (std::size_t r = 0; r < kRowsTogether; ++r) {
      _mm256_storeu_ps(reinterpret_cast<float*>(block.rows[r].sums) + 8 * i, sums[r]);
    }
  }
}

// Calls eight(i), which makes the values i .. i + 7, for all of a row.
template <class Eight>
FACETRAIN_INLINE_AVX2 void for_row(std::size_t count, std::uint8_t* out, const Eight& eight) {
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) store_32(eight(i), eight(i + 8), eight(i + 16), eight(i + 24), out + i);
  for (; i < count; i += 8) store_8(eight(i), out + i);
}

FACETRAIN_AVX2 void linear_across(const RowTable& table, std::size_t y,
                                  std::span<const std::byte* const> sums, std::size_t count,
                                  std::uint8_t* out) {
  const __m256i w0 = _mm256_set1_epi16(table.fixed[2 * y]), w1 = _mm256_set1_epi16(table.fixed[2 * y + 1]);
  const __m256i two = _mm256_set1_epi16(2);
  const std::byte *s0 = sums[0], *s1 = sums[1];
  for (std::size_t i = 0; i < count; i += 32) {
    __m256i v[2];
    for (std::size_t j = 0; j < 2; ++j) {
      const __m256i a = _mm256_mulhi_epi16(load(s0 + 2 * i + 32 * j), w0);
      const __m256i b = _mm256_mulhi_epi16(load(s1 + 2 * i + 32 * j), w1);
      v[j] = _mm256_srai_epi16(_mm256_add_epi16(_mm256_add_epi16(a, b), two), 2);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                        _mm256_permute4x64_epi64(_mm256_packus_epi16(v[0], v[1]), 0xD8));
  }
}

// The exact sum, rounded, of the values i .. i + 7.
template <std::size_t kTaps, class Load>
FACETRAIN_INLINE_AVX2 __m256i exact_sum(const __m256i (&w)[kTaps], const Load& row) {
  __m256i sum = _mm256_set1_epi32(1 << (2 * kWeightBits - 1));
  for (std::size_t k = 0; k < kTaps; ++k) sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(row(k), w[k]));
  return _mm256_srai_epi32(sum, 2 * kWeightBits);
}

FACETRAIN_AVX2 void cubic_across(const RowTable& table, std::size_t y, std::span<const std::byte* const> sums,
                                 std::size_t count, std::uint8_t* out) {
  constexpr float scale = 1.0f / (1 << (2 * kWeightBits));
  const std::int16_t* weights = &table.fixed[4 * y];
  const float* s[4];
  __m256 w[4];
  for (std::size_t k = 0; k < 4; ++k) {
    s[k] = reinterpret_cast<const float*>(sums[k]);
    w[k] = _mm256_set1_ps(weights[k] * scale);
  }
  for_row(count, out, [&](std::size_t i) FACETRAIN_AVX2 {
    const __m256 inner = _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(s[2] + i), w[2]),
                                       _mm256_mul_ps(_mm256_loadu_ps(s[3] + i), w[3]));
    return _mm256_cvtps_epi32(
        _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(s[0] + i), w[0]),
                      _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(s[1] + i), w[1]), inner)));
  });
  if (count % 8 == 0) return;
  const std::size_t rest = count & ~std::size_t{7};  // in integers, as OpenCV
  __m256i exact[4];
  for (std::size_t k = 0; k < 4; ++k) exact[k] = _mm256_set1_epi32(weights[k]);
  store_8(exact_sum(exact, [&](std::size_t k)
                               FACETRAIN_AVX2 { return _mm256_cvttps_epi32(_mm256_loadu_ps(s[k] + rest)); }),
          out + rest);
}

FACETRAIN_AVX2 void lanczos4_across(const RowTable& table, std::size_t y,
                                    std::span<const std::byte* const> sums, std::size_t count,
                                    std::uint8_t* out) {
  const std::byte* s[8];
  __m256i w[8];
  for (std::size_t k = 0; k < 8; ++k) {
    s[k] = sums[k];
    w[k] = _mm256_set1_epi32(table.fixed[8 * y + k]);
  }
  for_row(count, out, [&](std::size_t i) FACETRAIN_AVX2 {
    return exact_sum(w, [&](std::size_t k) FACETRAIN_AVX2 { return load(s[k] + 4 * i); });
  });
}

FACETRAIN_AVX2 void area_across(const RowTable& table, std::size_t y, std::span<const std::byte* const> sums,
                                std::size_t count, std::uint8_t* out) {
  const float* w = &table.area[static_cast<std::size_t>(table.begin[y])];
  for_row(count, out, [&](std::size_t i) FACETRAIN_AVX2 {
    __m256 sum = _mm256_setzero_ps();
    for (std::size_t k = 0; k < sums.size(); ++k) {
      const __m256 row = _mm256_loadu_ps(reinterpret_cast<const float*>(sums[k]) + i);
      sum = _mm256_add_ps(sum, _mm256_mul_ps(row, _mm256_broadcast_ss(w + k)));
    }
    return _mm256_cvtps_epi32(sum);
  });
}

}  // namespace

FACETRAIN_AVX2 void avx2_nearest(std::span<const NearestTable::Run> runs, const std::uint8_t* from,
                                 std::uint8_t* to) {
  for (const NearestTable::Run& run : runs) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + run.from));
    const __m128i shuffle = _mm_loadu_si128(reinterpret_cast<const __m128i*>(run.shuffle.data()));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + run.to), _mm_shuffle_epi8(bytes, shuffle));
  }
}

AlongRows avx2_along(Filter filter) {
  return pass_of<AlongRows>(filter, convolve_along<Filter::kLinear, 1>, convolve_along<Filter::kCubic, 2>,
                            convolve_along<Filter::kLanczos4, 4>, average_along);
}

AcrossRows avx2_across(Filter filter) {
  return pass_of<AcrossRows>(filter, linear_across, cubic_across, lanczos4_across, area_across);
}

}  // namespace facetrain
#endif
