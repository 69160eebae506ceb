// The portable passes.
#include "dataservice/augment/opencv_passes.hpp"

#include <algorithm>

namespace facetrain {
namespace {

constexpr int kPad = kMaxTaps / 2;  // how far taps reach outside the picture, in pixels

// One pixel in one word: three lanes of kLane bits. A weighted sum of such words holds the three sums, of
// either sign, as long as each stays below 2^20 in magnitude: absolute weights add up to 1.375 (cubic)
// or 1.72 (Lanczos), and 255 * 2048 * 1.72 is below.
constexpr int kLane = 21;

std::int64_t pack(const std::uint8_t* rgb) {
  return std::int64_t{rgb[0]} | std::int64_t{rgb[1]} << kLane | std::int64_t{rgb[2]} << (2 * kLane);
}

// Takes the lowest lane off.
std::int32_t unpack(std::int64_t& lanes) {
  constexpr int unused = 64 - kLane;
  const std::int64_t lowest =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(lanes) << unused) >> unused;
  lanes = (lanes - lowest) >> kLane;
  return static_cast<std::int32_t>(lowest);
}

template <int kTaps, class Sum>
void convolve_along(const ColumnTable& table, std::span<const RowOfSums> rows, int width,
                    std::vector<std::int64_t>& scratch) {
  const std::size_t pixels = static_cast<std::size_t>(width);
  scratch.resize(std::max(scratch.size(), pixels + 2 * kPad));
  std::int64_t* padded = scratch.data();  // the row, a word per pixel, its border repeated on both sides
  for (const RowOfSums& row : rows) {
    std::fill_n(padded, kPad, pack(row.pixels));
    for (std::size_t x = 0; x < pixels; ++x) padded[kPad + x] = pack(row.pixels + 3 * x);
    std::fill_n(padded + kPad + pixels, kPad, padded[kPad + pixels - 1]);
    const std::int16_t* w = table.fixed.weights.data();
    Sum* out = reinterpret_cast<Sum*>(row.sums);
    for (const std::int32_t first : table.fixed.first) {
      const std::int64_t* p = padded + first + kPad;
      std::int64_t lanes = 0;
      for (int k = 0; k < kTaps; ++k) lanes += p[k] * w[k];
      for (int c = 0; c < 3; ++c) {
        const std::int32_t sum = unpack(lanes);
        *out++ = static_cast<Sum>(kTaps == 2 ? sum >> 4 : sum);
      }
      w += kTaps;
    }
  }
}

// In the order of the source.
void average_along(const ColumnTable& table, std::span<const RowOfSums> rows, int,
                   std::vector<std::int64_t>&) {
  const AreaTaps& taps = table.area;
  for (const RowOfSums& row : rows) {
    float* out = reinterpret_cast<float*>(row.sums);
    for (std::size_t x = 0; x + 1 < taps.begin.size(); ++x) {
      float r = 0, g = 0, b = 0;
      for (std::size_t k = static_cast<std::size_t>(taps.begin[x]);
           k < static_cast<std::size_t>(taps.begin[x + 1]); ++k) {
        const std::uint8_t* p = row.pixels + 3 * taps.source[k];
        const float w = taps.weights[k];
        r += static_cast<float>(p[0]) * w;
        g += static_cast<float>(p[1]) * w;
        b += static_cast<float>(p[2]) * w;
      }
      *out++ = r;
      *out++ = g;
      *out++ = b;
    }
  }
}

std::uint8_t clip(std::int32_t value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

// Round to nearest, halves to even, as OpenCV's cvRound; clipped. For |value| < 2^22: next to 1.5 * 2^23 a
// float has no bits for a fraction. Unlike lrint, the compiler can do it for a vector.
std::uint8_t round_and_clip(float value) {
  return clip(static_cast<std::int32_t>((value + 12582912.0f) - 12582912.0f));
}

template <class Sum>
const Sum* values(const std::byte* sums) {
  return reinterpret_cast<const Sum*>(sums);
}

// OpenCV's shortened 16-bit arithmetic: each term has lost four bits before and loses sixteen after its
// product.
void linear_across(const RowTable& table, std::size_t y, std::span<const std::byte* const> sums,
                   std::size_t count, std::uint8_t* __restrict out) {
  const std::int16_t *s0 = values<std::int16_t>(sums[0]), *s1 = values<std::int16_t>(sums[1]);
  const std::int16_t w0 = table.fixed[2 * y], w1 = table.fixed[2 * y + 1];
  for (std::size_t i = 0; i < count; ++i) {
    const std::int16_t a = static_cast<std::int16_t>((w0 * s0[i]) >> 16);
    const std::int16_t b = static_cast<std::int16_t>((w1 * s1[i]) >> 16);
    out[i] = static_cast<std::uint8_t>((a + b + 2) >> 2);
  }
}

// OpenCV sums whole vectors of eight values in float (in this order), and the rest of the row in integers.
void cubic_across(const RowTable& table, std::size_t y, std::span<const std::byte* const> sums,
                  std::size_t count, std::uint8_t* __restrict out) {
  constexpr float scale = 1.0f / (1 << (2 * kWeightBits));
  const std::int16_t* w = &table.fixed[4 * y];
  const float w0 = w[0] * scale, w1 = w[1] * scale, w2 = w[2] * scale, w3 = w[3] * scale;
  const float *s0 = values<float>(sums[0]), *s1 = values<float>(sums[1]), *s2 = values<float>(sums[2]),
              *s3 = values<float>(sums[3]);
  const std::size_t vectors = count & ~std::size_t{7};
  for (std::size_t i = 0; i < vectors; ++i) {
    const float inner = s2[i] * w2 + s3[i] * w3;
    out[i] = round_and_clip(s0[i] * w0 + (s1[i] * w1 + inner));
  }
  for (std::size_t i = vectors; i < count; ++i) {
    std::int32_t sum = 1 << (2 * kWeightBits - 1);
    for (std::size_t k = 0; k < 4; ++k) sum += static_cast<std::int32_t>(values<float>(sums[k])[i]) * w[k];
    out[i] = clip(sum >> (2 * kWeightBits));
  }
}

// Unsigned: where a sum passes 2^31 (a picture made for it), it wraps around in OpenCV too.
void lanczos4_across(const RowTable& table, std::size_t y, std::span<const std::byte* const> sums,
                     std::size_t count, std::uint8_t* __restrict out) {
  const std::int16_t* w = &table.fixed[8 * y];
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t sum = 1u << (2 * kWeightBits - 1);
    for (std::size_t k = 0; k < 8; ++k) {
      sum += static_cast<std::uint32_t>(values<std::int32_t>(sums[k])[i]) * static_cast<std::uint32_t>(w[k]);
    }
    out[i] = clip(static_cast<std::int32_t>(sum) >> (2 * kWeightBits));
  }
}

// kTogether sums stay in registers over all rows.
template <std::size_t kTogether>
void sum_area(std::span<const std::byte* const> sums, const float* w, std::size_t i, std::uint8_t* out) {
  float sum[kTogether] = {};
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const float* s = values<float>(sums[k]) + i;
    for (std::size_t j = 0; j < kTogether; ++j) sum[j] += s[j] * w[k];
  }
  for (std::size_t j = 0; j < kTogether; ++j) out[i + j] = round_and_clip(sum[j]);
}

void area_across(const RowTable& table, std::size_t y, std::span<const std::byte* const> sums,
                 std::size_t count, std::uint8_t* __restrict out) {
  const float* w = &table.area[static_cast<std::size_t>(table.begin[y])];
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) sum_area<16>(sums, w, i, out);
  for (; i < count; ++i) sum_area<1>(sums, w, i, out);
}

}  // namespace

AlongRows portable_along(Filter filter) {
  return pass_of<AlongRows>(filter, convolve_along<2, std::int16_t>, convolve_along<4, float>,
                            convolve_along<8, std::int32_t>, average_along);
}

AcrossRows portable_across(Filter filter) {
  return pass_of<AcrossRows>(filter, linear_across, cubic_across, lanczos4_across, area_across);
}

}  // namespace facetrain
