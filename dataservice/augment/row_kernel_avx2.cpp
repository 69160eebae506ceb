#include "dataservice/augment/row_kernel_avx2.hpp"

#include "dataservice/instructions.hpp"

#ifdef FACETRAIN_HAS_AVX2

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace facetrain {
namespace {

constexpr int kBlock = RowKernel::kLeastPixels;

// Where the 24 elements of a block of 8 pixels come from: three groups of 8, each a choice of bytes in a
// window of 16, zero-extended to 32 bits by the shuffle itself.
struct Arrangement {
  std::array<std::size_t, 3> window{};
  alignas(32) std::array<std::array<std::int8_t, 32>, 3> bytes{};
};

constexpr Arrangement arrange(bool reversed, bool bgr) {
  Arrangement result;
  for (std::size_t group = 0; group < 3; ++group) {
    std::array<std::size_t, 8> from{};
    std::size_t first = 8;  // no window may reach beyond byte 23
    for (std::size_t i = 0; i < 8; ++i) {
      const std::size_t element = 8 * group + i, pixel = element / 3, channel = element % 3;
      from[i] = 3 * (reversed ? 7 - pixel : pixel) + (bgr ? 2 - channel : channel);
      first = std::min(first, from[i]);
    }
    result.window[group] = first;
    for (std::size_t i = 0; i < 32; ++i) {
      result.bytes[group][i] = i % 4 == 0 ? static_cast<std::int8_t>(from[i / 4] - first) : std::int8_t{-1};
    }
  }
  return result;
}

constexpr std::array<Arrangement, 4> kArrangements{arrange(false, false), arrange(false, true),
                                                   arrange(true, false), arrange(true, true)};

// value * scale + offset: two roundings, often the right ones for 16-bit elements.
class Linear {
 public:
  FACETRAIN_INLINE_AVX2 explicit Linear(const Normalisation& how)
      : scale_(_mm256_set1_ps(how.scale)), offset_(_mm256_set1_ps(how.offset)) {}
  FACETRAIN_INLINE_AVX2 __m256 operator()(__m256 value) const {
    return _mm256_add_ps(_mm256_mul_ps(value, scale_), offset_);
  }

 private:
  __m256 scale_, offset_;
};

// value / 255 to the last bit without a division: 1 / 255 as 257 / 65536, whose product with a byte is exact,
// and the rest.
FACETRAIN_INLINE_AVX2 __m256 share(__m256 value) {
  constexpr float kFirst = 257.0f / 65536.0f, kRest = static_cast<float>(1.0 / 255.0 - 257.0 / 65536.0);
  return _mm256_add_ps(_mm256_mul_ps(value, _mm256_set1_ps(kFirst)),
                       _mm256_mul_ps(value, _mm256_set1_ps(kRest)));
}

// Exact for deviations that are powers of two.
class TimesInverse {
 public:
  FACETRAIN_INLINE_AVX2 explicit TimesInverse(const Normalisation& how)
      : mean_(_mm256_set1_ps(how.mean)), inverse_(_mm256_set1_ps(how.inverse_deviation)) {}
  FACETRAIN_INLINE_AVX2 __m256 operator()(__m256 value) const {
    return _mm256_mul_ps(_mm256_sub_ps(share(value), mean_), inverse_);
  }

 private:
  __m256 mean_, inverse_;
};

class Divided {
 public:
  FACETRAIN_INLINE_AVX2 explicit Divided(const Normalisation& how)
      : mean_(_mm256_set1_ps(how.mean)), deviation_(_mm256_set1_ps(how.deviation)) {}
  FACETRAIN_INLINE_AVX2 __m256 operator()(__m256 value) const {
    return _mm256_div_ps(_mm256_sub_ps(share(value), mean_), deviation_);
  }

 private:
  __m256 mean_, deviation_;
};

struct ToF32 {
  static constexpr std::size_t kSize = 4;
  FACETRAIN_INLINE_AVX2 static void store(__m256 values, std::byte* out) {
    _mm256_storeu_ps(reinterpret_cast<float*>(out), values);
  }
};

struct ToF16 {
  static constexpr std::size_t kSize = 2;
  FACETRAIN_INLINE_AVX2 static void store(__m256 values, std::byte* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
  }
};

struct ToBf16 {
  static constexpr std::size_t kSize = 2;
  FACETRAIN_INLINE_AVX2 static void store(__m256 values, std::byte* out) {
    const __m256i bits = _mm256_castps_si256(values);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd), 16);
    const __m128i halves =
        _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), halves);
  }
};

// A block of 8 pixels at a time. All that a block needs is in registers: through the pointers to bytes, each
// store could change anything in memory.
template <typename Formula, typename Element>
class BlockWriter {
 public:
  FACETRAIN_INLINE_AVX2 BlockWriter(const Arrangement& from, const Normalisation& how)
      : formula_(how),
        window_0_(from.window[0]),
        window_1_(from.window[1]),
        window_2_(from.window[2]),
        bytes_0_(load(from.bytes[0])),
        bytes_1_(load(from.bytes[1])),
        bytes_2_(load(from.bytes[2])) {}

  FACETRAIN_INLINE_AVX2 void write(const std::uint8_t* source, std::byte* out) const {
    write_group(source + window_0_, bytes_0_, out);
    write_group(source + window_1_, bytes_1_, out + 8 * Element::kSize);
    write_group(source + window_2_, bytes_2_, out + 16 * Element::kSize);
  }

 private:
  FACETRAIN_INLINE_AVX2 static __m256i load(const std::array<std::int8_t, 32>& bytes) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes.data()));
  }
  FACETRAIN_INLINE_AVX2 void write_group(const std::uint8_t* window, __m256i bytes, std::byte* out) const {
    const __m128i read = _mm_loadu_si128(reinterpret_cast<const __m128i*>(window));
    const __m256i values = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(read), bytes);
    Element::store(formula_(_mm256_cvtepi32_ps(values)), out);
  }

  Formula formula_;
  std::size_t window_0_, window_1_, window_2_;
  __m256i bytes_0_, bytes_1_, bytes_2_;
};

template <typename Formula, typename Element>
FACETRAIN_AVX2 void write_pixels(const std::uint8_t* source, int pixels, bool reversed, bool bgr,
                                 const Normalisation& how, std::byte* out) {
  constexpr std::ptrdiff_t kPixel = 3 * Element::kSize;
  const BlockWriter<Formula, Element> block(kArrangements[(reversed ? 2u : 0u) + (bgr ? 1u : 0u)], how);
  const std::ptrdiff_t step = reversed ? -3 : 3;
  if (reversed) source += 3 * (pixels - kBlock);
  int left = pixels;
  for (; left >= kBlock; left -= kBlock, source += kBlock * step, out += kBlock * kPixel)
    block.write(source, out);
  if (left > 0) {  // the last block writes some pixels again
    block.write(source - (kBlock - left) * step, out - (kBlock - left) * kPixel);
  }
}

template <typename Element>
constexpr std::array<RowKernel::Function, 3> kFastestFirst{
    write_pixels<Linear, Element>, write_pixels<TimesInverse, Element>, write_pixels<Divided, Element>};

}  // namespace

RowKernel find_row_kernel(Dtype dtype, float mean, float deviation, std::span<const std::byte> table) {
  constexpr int kPixels = 86;  // 258 values: 0..255 and two more
  std::array<std::uint8_t, 3 * kPixels> every_value;
  for (std::size_t i = 0; i < every_value.size(); ++i) every_value[i] = static_cast<std::uint8_t>(i);
  const double divisor = 255.0 * static_cast<double>(deviation);
  RowKernel kernel;
  kernel.how = {mean, deviation, 1.0f / deviation, static_cast<float>(1.0 / divisor), -mean / deviation};
  const auto& candidates = dtype == Dtype::kF32   ? kFastestFirst<ToF32>
                           : dtype == Dtype::kF16 ? kFastestFirst<ToF16>
                                                  : kFastestFirst<ToBf16>;
  std::array<std::byte, every_value.size() * 4> elements;
  for (const RowKernel::Function candidate : candidates) {
    candidate(every_value.data(), kPixels, false, false, kernel.how, elements.data());
    if (std::equal(table.begin(), table.end(), elements.begin())) {
      kernel.function = candidate;
      break;
    }
  }
  return kernel;
}

}  // namespace facetrain

#else

namespace facetrain {

RowKernel find_row_kernel(Dtype, float, float, std::span<const std::byte>) {
  return {};
}

}  // namespace facetrain

#endif
