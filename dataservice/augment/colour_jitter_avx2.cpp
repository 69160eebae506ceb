#include "dataservice/augment/colour_jitter_avx2.hpp"

#ifdef FACETRAIN_HAS_AVX2

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace facetrain {
namespace {

constexpr std::size_t kBlock = 16;  // pixels

// Sixteen pixels, 0..255 in 16-bit lanes.
struct Planes {
  __m256i r, g, b;
};

// The two halves of a register hold 8 pixels (24 bytes) each, read as bytes 0..15 and 8..23.
FACETRAIN_INLINE_AVX2 __m256i load_halves(const std::uint8_t* low, const std::uint8_t* high) {
  const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
  const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(high));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
}

FACETRAIN_INLINE_AVX2 __m256i in_both_halves(__m128i half) {
  return _mm256_broadcastsi128_si256(half);
}

FACETRAIN_INLINE_AVX2 Planes load(const std::uint8_t* pixels) {
  const __m256i head = load_halves(pixels, pixels + 24), tail = load_halves(pixels + 8, pixels + 32);
  const __m256i red_green_0123 =
      in_both_halves(_mm_setr_epi8(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1));
  const __m256i red_green_4567 =
      in_both_halves(_mm_setr_epi8(4, -1, 7, -1, 10, -1, 13, -1, 5, -1, 8, -1, 11, -1, 14, -1));
  const __m256i blue_0123 =
      in_both_halves(_mm_setr_epi8(2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i blue_4567 =
      in_both_halves(_mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 6, -1, 9, -1, 12, -1, 15, -1));
  const __m256i low = _mm256_shuffle_epi8(head, red_green_0123);
  const __m256i high = _mm256_shuffle_epi8(tail, red_green_4567);
  return {_mm256_unpacklo_epi64(low, high), _mm256_unpackhi_epi64(low, high),
          _mm256_or_si256(_mm256_shuffle_epi8(head, blue_0123), _mm256_shuffle_epi8(tail, blue_4567))};
}

// Clips to 0..255.
FACETRAIN_INLINE_AVX2 void store(const Planes& p, std::uint8_t* pixels) {
  const __m256i red_green = _mm256_packus_epi16(p.r, p.g), blue = _mm256_packus_epi16(p.b, p.b);
  const __m256i rg_head =
      in_both_halves(_mm_setr_epi8(0, 8, -1, 1, 9, -1, 2, 10, -1, 3, 11, -1, 4, 12, -1, 5));
  const __m256i b_head =
      in_both_halves(_mm_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1));
  const __m256i rg_tail =
      in_both_halves(_mm_setr_epi8(13, -1, 6, 14, -1, 7, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i b_tail =
      in_both_halves(_mm_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i head =
      _mm256_or_si256(_mm256_shuffle_epi8(red_green, rg_head), _mm256_shuffle_epi8(blue, b_head));
  const __m256i tail =
      _mm256_or_si256(_mm256_shuffle_epi8(red_green, rg_tail), _mm256_shuffle_epi8(blue, b_tail));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(pixels), _mm256_castsi256_si128(head));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(pixels + 16), _mm256_castsi256_si128(tail));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(pixels + 24), _mm256_extracti128_si256(head, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(pixels + 40), _mm256_extracti128_si256(tail, 1));
}

// (19595 r + 38470 g + 7471 b + 0x8000) >> 16; green's weight in two halves, to fit signed 16 bits.
FACETRAIN_INLINE_AVX2 __m256i luma(const Planes& p) {
  const __m256i weights_rg = _mm256_set1_epi32(19235 << 16 | 19595);
  const __m256i weights_gb = _mm256_set1_epi32(7471 << 16 | 19235);
  const __m256i half = _mm256_set1_epi32(0x8000);
  const __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(p.r, p.g), weights_rg),
                                       _mm256_madd_epi16(_mm256_unpacklo_epi16(p.g, p.b), weights_gb));
  const __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(p.r, p.g), weights_rg),
                                        _mm256_madd_epi16(_mm256_unpackhi_epi16(p.g, p.b), weights_gb));
  return _mm256_packs_epi32(_mm256_srli_epi32(_mm256_add_epi32(low, half), 16),
                            _mm256_srli_epi32(_mm256_add_epi32(high, half), 16));
}

// See blend_multiplier; not clipped.
FACETRAIN_INLINE_AVX2 __m256i blend(__m256i level, __m256i value, __m256i multiplier) {
  return _mm256_add_epi16(value, _mm256_mulhi_epi16(_mm256_sub_epi16(value, level), multiplier));
}

FACETRAIN_INLINE_AVX2 __m256i clip(__m256i value) {
  return _mm256_max_epi16(_mm256_min_epi16(value, _mm256_set1_epi16(255)), _mm256_setzero_si256());
}

struct Blends {
  std::array<std::int16_t, 3> multipliers;  // by ColourOperation
  std::uint8_t level;                       // contrast's
};

// The same in registers: through a pointer to bytes, each store could change them in memory.
struct BlendRegisters {
  FACETRAIN_INLINE_AVX2 explicit BlendRegisters(const Blends& how)
      : brightness(_mm256_set1_epi16(how.multipliers[0])),
        contrast(_mm256_set1_epi16(how.multipliers[1])),
        saturation(_mm256_set1_epi16(how.multipliers[2])),
        level(_mm256_set1_epi16(how.level)) {}
  __m256i brightness, contrast, saturation, level;
};

template <ColourOperation kOperation>
FACETRAIN_INLINE_AVX2 void apply(Planes& p, const BlendRegisters& how) {
  const __m256i multiplier = kOperation == ColourOperation::kBrightness ? how.brightness
                             : kOperation == ColourOperation::kContrast ? how.contrast
                                                                        : how.saturation;
  const __m256i level = kOperation == ColourOperation::kBrightness ? _mm256_setzero_si256()
                        : kOperation == ColourOperation::kContrast ? how.level
                                                                   : luma(p);
  p.r = clip(blend(level, p.r, multiplier));
  p.g = clip(blend(level, p.g, multiplier));
  p.b = clip(blend(level, p.b, multiplier));
}

// One block, changed in place; adds its luma afterwards to `sums` (64-bit lanes).
template <bool kSum, ColourOperation... kOperations>
FACETRAIN_INLINE_AVX2 void change_block(std::uint8_t* pixels, const BlendRegisters& how, __m256i& sums) {
  Planes p = load(pixels);
  (apply<kOperations>(p, how), ...);
  if constexpr (kSum) sums = _mm256_add_epi64(sums, _mm256_sad_epu8(luma(p), _mm256_setzero_si256()));
  if constexpr (sizeof...(kOperations) > 0) store(p, pixels);
}

// The picture; returns the sum of its luma afterwards (0 unless kSum).
template <bool kSum, ColourOperation... kOperations>
FACETRAIN_AVX2 std::uint64_t pass(std::span<std::uint8_t> pixels, const Blends& blends) {
  const BlendRegisters how(blends);
  constexpr std::size_t kBytes = 3 * kBlock;
  __m256i sums = _mm256_setzero_si256();
  const std::size_t whole = pixels.size() / kBytes * kBytes;
  for (std::size_t i = 0; i < whole; i += kBytes) change_block<kSum, kOperations...>(&pixels[i], how, sums);
  if (whole < pixels.size()) {  // the rest is filled up with black, which stays black until contrast
    std::array<std::uint8_t, kBytes> rest{};
    std::copy(pixels.begin() + static_cast<std::ptrdiff_t>(whole), pixels.end(), rest.begin());
    change_block<kSum, kOperations...>(rest.data(), how, sums);
    std::copy_n(rest.begin(), pixels.size() - whole, pixels.begin() + static_cast<std::ptrdiff_t>(whole));
  }
  alignas(32) std::array<std::uint64_t, 4> lanes;
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes.data()), sums);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

constexpr auto kB = ColourOperation::kBrightness, kC = ColourOperation::kContrast,
               kS = ColourOperation::kSaturation;

struct Passes {
  std::uint64_t (*until_contrast)(std::span<std::uint8_t>, const Blends&);
  std::uint64_t (*from_contrast)(std::span<std::uint8_t>, const Blends&);
};

Passes passes(const std::array<ColourOperation, 3>& order) {
  const bool brightness_first =
      std::find(order.begin(), order.end(), kB) < std::find(order.begin(), order.end(), kS);
  if (order[0] == kC)
    return {pass<true>, brightness_first ? pass<false, kC, kB, kS> : pass<false, kC, kS, kB>};
  if (order[2] == kC) return {brightness_first ? pass<true, kB, kS> : pass<true, kS, kB>, pass<false, kC>};
  return brightness_first ? Passes{pass<true, kB>, pass<false, kC, kS>}
                          : Passes{pass<true, kS>, pass<false, kC, kB>};
}

// Whether `multiplier` gives floor(level + factor * difference), in float arithmetic, for every difference
// and every level that keeps the result below 256.
FACETRAIN_AVX2 bool gives_every_blend(int multiplier, float factor) {
  const __m256 slope = _mm256_set1_ps(factor);
  const __m256i slope_less_1 = _mm256_set1_epi32(multiplier);
  // The sum with the level may round up to the next integer if it is as near as half a unit in the last
  // place of a float below 256.
  const __m256 too_near = _mm256_set1_ps(0x1p-17f);
  __m256i difference = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(-256));
  __m256 wrong = _mm256_setzero_ps();
  for (int i = 0; i < 64; ++i, difference = _mm256_add_epi32(difference, _mm256_set1_epi32(8))) {
    const __m256 exact = _mm256_mul_ps(slope, _mm256_cvtepi32_ps(difference));
    const __m256i ours =
        _mm256_add_epi32(difference, _mm256_srai_epi32(_mm256_mullo_epi32(difference, slope_less_1), 16));
    const __m256 share = _mm256_sub_ps(exact, _mm256_cvtepi32_ps(ours));  // exact: neighbours
    wrong = _mm256_or_ps(wrong, _mm256_cmp_ps(share, _mm256_setzero_ps(), _CMP_LT_OQ));
    wrong =
        _mm256_or_ps(wrong, _mm256_cmp_ps(_mm256_sub_ps(_mm256_set1_ps(1.0f), share), too_near, _CMP_LE_OQ));
  }
  return _mm256_movemask_ps(wrong) == 0;
}

}  // namespace

std::optional<std::int16_t> blend_multiplier(float factor) {
  const double scaled = (static_cast<double>(factor) - 1.0) * 65536.0;
  for (const double candidate : {std::floor(scaled), std::ceil(scaled)}) {
    if (candidate < -32768.0 || candidate > 32767.0) continue;
    const int multiplier = static_cast<int>(candidate);
    if (gives_every_blend(multiplier, factor)) return static_cast<std::int16_t>(multiplier);
  }
  return std::nullopt;
}

bool jitter_avx2(std::span<std::uint8_t> pixels, const ColourJitter& how) {
  const auto brightness = blend_multiplier(static_cast<float>(how.brightness));
  const auto contrast = blend_multiplier(static_cast<float>(how.contrast));
  const auto saturation = blend_multiplier(static_cast<float>(how.saturation));
  if (!brightness || !contrast || !saturation) return false;
  const Passes run = passes(how.order);
  Blends blends{{*brightness, *contrast, *saturation}, 0};
  blends.level = mean_level(run.until_contrast(pixels, blends), pixels.size() / 3);
  run.from_contrast(pixels, blends);
  return true;
}

}  // namespace facetrain

#endif
