#include "dataservice/augment/opencv_resize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

namespace facetrain {
namespace {

constexpr std::size_t kMaxTables = 2048;  // pictures of 112 x 112 need 990, of 2 KB each
constexpr int kPad = kMaxTaps / 2;        // how far taps reach outside the picture, in pixels

std::uint64_t table_key(int source, int target, Interpolation interpolation, Axis axis) {
  return static_cast<std::uint64_t>(source) << 40 | static_cast<std::uint64_t>(target) << 16 |
         static_cast<std::uint64_t>(interpolation) << 8 | static_cast<std::uint64_t>(axis);
}

std::uint8_t clip(std::int32_t value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

// Round to nearest, halves to even, as OpenCV's cvRound; clipped. For |value| < 2^22: next to 1.5 * 2^23 a
// float has no bits for a fraction. Unlike lrint, the compiler can do it for a vector.
std::uint8_t round_and_clip(float value) {
  return clip(static_cast<std::int32_t>((value + 12582912.0f) - 12582912.0f));
}

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

// The weighted sums along one row (a weight of 1 is 2048). `padded` is the row with kPad pixels before it.
template <int kTaps>
void convolve_row(const std::int64_t* padded, const FixedTaps& table, std::int32_t* out) {
  const std::int16_t* w = table.weights.data();
  for (const std::int32_t first : table.first) {
    const std::int64_t* p = padded + first + kPad;
    std::int64_t lanes = 0;
    for (int k = 0; k < kTaps; ++k) lanes += p[k] * w[k];
    for (int c = 0; c < 3; ++c) *out++ = unpack(lanes);
    w += kTaps;
  }
}

using Rows = std::array<const std::int32_t*, kMaxTaps>;

// OpenCV's shortened 16-bit arithmetic: each term loses four bits before and sixteen after its product.
void combine_linear(const Rows& s, const std::int16_t* w, std::size_t count, std::uint8_t* out) {
  const std::int32_t* s0 = s[0];
  const std::int32_t* s1 = s[1];
  const std::int32_t w0 = w[0], w1 = w[1];
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = static_cast<std::uint8_t>((((w0 * (s0[i] >> 4)) >> 16) + ((w1 * (s1[i] >> 4)) >> 16) + 2) >> 2);
  }
}

template <int kTaps>
void combine_exact(const Rows& s, const std::int16_t* w, std::size_t begin, std::size_t end,
                   std::uint8_t* out) {
  for (std::size_t i = begin; i < end; ++i) {
    std::int32_t sum = 1 << (2 * kWeightBits - 1);
    for (std::size_t k = 0; k < kTaps; ++k) sum += s[k][i] * w[k];
    out[i] = clip(sum >> (2 * kWeightBits));
  }
}

// OpenCV sums whole vectors of eight values in float (in this order), and the rest of the row in integers.
void combine_cubic(const Rows& s, const std::int16_t* w, std::size_t count, std::uint8_t* __restrict out) {
  constexpr float scale = 1.0f / (1 << (2 * kWeightBits));
  const float w0 = w[0] * scale, w1 = w[1] * scale, w2 = w[2] * scale, w3 = w[3] * scale;
  const std::int32_t *s0 = s[0], *s1 = s[1], *s2 = s[2], *s3 = s[3];
  const std::size_t vectors = count & ~std::size_t{7};
  for (std::size_t i = 0; i < vectors; ++i) {
    const float inner = static_cast<float>(s2[i]) * w2 + static_cast<float>(s3[i]) * w3;
    const float sum = static_cast<float>(s0[i]) * w0 + (static_cast<float>(s1[i]) * w1 + inner);
    out[i] = round_and_clip(sum);
  }
  combine_exact<4>(s, w, vectors, count, out);
}

}  // namespace

void OpenCvResize::resize(const Image& source, int width, int height, Interpolation interpolation,
                          Image& target) {
  target.resize(width, height);
  if (width == source.width && height == source.height) {
    std::memcpy(target.pixels.data(), source.pixels.data(), source.pixels.size());
    return;
  }
  if (interpolation == Interpolation::kNearest) return nearest(source, target);

  const double scale_x = opencv_scale(source.width, width), scale_y = opencv_scale(source.height, height);
  const int whole_x = static_cast<int>(std::lrint(scale_x)), whole_y = static_cast<int>(std::lrint(scale_y));
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const bool whole = std::abs(scale_x - whole_x) < epsilon && std::abs(scale_y - whole_y) < epsilon;
  if (interpolation == Interpolation::kLinear && whole && whole_x == 2 && whole_y == 2) {
    interpolation = Interpolation::kArea;
  }
  if (interpolation != Interpolation::kArea || scale_x < 1 || scale_y < 1) {
    return convolve(source, interpolation, target);
  }
  if (whole) return average_blocks(source, whole_x, whole_y, target);
  average_area(source, target);
}

void OpenCvResize::nearest(const Image& source, Image& target) {
  const double scale_x = opencv_scale(source.width, target.width);
  const double scale_y = opencv_scale(source.height, target.height);
  for (int y = 0; y < target.height; ++y) {
    const std::uint8_t* from =
        source.row(std::min(static_cast<int>(std::floor(y * scale_y)), source.height - 1));
    std::uint8_t* to = target.row(y);
    for (int x = 0; x < target.width; ++x, to += 3) {
      std::memcpy(to, from + 3 * std::min(static_cast<int>(x * scale_x), source.width - 1), 3);
    }
  }
}

// Whole-numbered scales: the mean of a block, in integers for 2 x 2, else by a float reciprocal.
void OpenCvResize::average_blocks(const Image& source, int scale_x, int scale_y, Image& target) {
  const float reciprocal = 1.0f / static_cast<float>(scale_x * scale_y);
  const bool two = scale_x == 2 && scale_y == 2;
  for (int y = 0; y < target.height; ++y) {
    std::uint8_t* to = target.row(y);
    for (int x = 0; x < target.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        std::int32_t sum = 0;
        for (int dy = 0; dy < scale_y; ++dy) {
          const std::uint8_t* from = source.row(y * scale_y + dy) + 3 * x * scale_x + c;
          for (int dx = 0; dx < scale_x; ++dx) sum += from[3 * dx];
        }
        *to++ = two ? static_cast<std::uint8_t>((sum + 2) >> 2)
                    : round_and_clip(static_cast<float>(sum) * reciprocal);
      }
    }
  }
}

// Any scale >= 1: float sums along the row, then over the rows, in the order of the source.
void OpenCvResize::average_area(const Image& source, Image& target) {
  limit_tables();
  const AreaTaps& columns = area_taps(source.width, target.width);
  const AreaTaps& rows = area_taps(source.height, target.height);
  const std::size_t count = static_cast<std::size_t>(target.width) * 3;
  sums_.resize(2 * count);
  float* row = sums_.data();
  float* sum = row + count;
  int in_row = -1;  // two outputs share the source row at their border
  for (int y = 0; y < target.height; ++y) {
    std::fill(sum, sum + count, 0.0f);
    for (std::int32_t j = rows.begin[static_cast<std::size_t>(y)];
         j < rows.begin[static_cast<std::size_t>(y) + 1]; ++j) {
      const int from = rows.source[static_cast<std::size_t>(j)];
      if (from != in_row) {
        const std::uint8_t* pixels = source.row(from);
        for (std::size_t x = 0; x < static_cast<std::size_t>(target.width); ++x) {
          float r = 0, g = 0, b = 0;
          for (std::int32_t k = columns.begin[x]; k < columns.begin[x + 1]; ++k) {
            const std::uint8_t* p = pixels + 3 * columns.source[static_cast<std::size_t>(k)];
            const float w = columns.weights[static_cast<std::size_t>(k)];
            r += static_cast<float>(p[0]) * w;
            g += static_cast<float>(p[1]) * w;
            b += static_cast<float>(p[2]) * w;
          }
          row[3 * x] = r;
          row[3 * x + 1] = g;
          row[3 * x + 2] = b;
        }
        in_row = from;
      }
      const float w = rows.weights[static_cast<std::size_t>(j)];
      for (std::size_t i = 0; i < count; ++i) sum[i] += w * row[i];
    }
    std::uint8_t* to = target.row(y);
    for (std::size_t i = 0; i < count; ++i) to[i] = round_and_clip(sum[i]);
  }
}

// Separable weighted sums: along each source row that is needed, once, then over the last `taps` of them.
void OpenCvResize::convolve(const Image& source, Interpolation interpolation, Image& target) {
  limit_tables();
  const FixedTaps& columns = fixed_taps(source.width, target.width, interpolation, Axis::kHorizontal);
  const FixedTaps& rows = fixed_taps(source.height, target.height, interpolation, Axis::kVertical);
  const std::size_t count = static_cast<std::size_t>(target.width) * 3;
  rows_.resize(count * kMaxTaps);
  padded_.resize(static_cast<std::size_t>(source.width) + 2 * kPad);
  std::array<int, kMaxTaps>
      held;  // which source row each of rows_ holds; row s lives in slot s modulo the taps
  held.fill(-1);
  const std::size_t taps = static_cast<std::size_t>(columns.taps);

  const auto fill = [&](int from, std::int32_t* out) {
    const std::uint8_t* pixels = source.row(from);
    const std::size_t width = static_cast<std::size_t>(source.width);
    std::fill_n(padded_.begin(), kPad, pack(pixels));
    for (std::size_t x = 0; x < width; ++x) padded_[kPad + x] = pack(pixels + 3 * x);
    std::fill_n(padded_.end() - kPad, kPad, padded_[kPad + width - 1]);
    switch (taps) {
      case 2:
        convolve_row<2>(padded_.data(), columns, out);
        break;
      case 4:
        convolve_row<4>(padded_.data(), columns, out);
        break;
      default:
        convolve_row<8>(padded_.data(), columns, out);
        break;
    }
  };

  for (int y = 0; y < target.height; ++y) {
    Rows window{};
    for (std::size_t k = 0; k < taps; ++k) {
      const int from =
          std::clamp(rows.first[static_cast<std::size_t>(y)] + static_cast<int>(k), 0, source.height - 1);
      const std::size_t slot = static_cast<std::size_t>(from) % taps;
      std::int32_t* row = &rows_[slot * count];
      if (held[slot] != from) {
        fill(from, row);
        held[slot] = from;
      }
      window[k] = row;
    }
    const std::int16_t* w = &rows.weights[static_cast<std::size_t>(y) * taps];
    switch (taps) {
      case 2:
        combine_linear(window, w, count, target.row(y));
        break;
      case 4:
        combine_cubic(window, w, count, target.row(y));
        break;
      default:
        combine_exact<8>(window, w, 0, count, target.row(y));
        break;
    }
  }
}

const FixedTaps& OpenCvResize::fixed_taps(int source, int target, Interpolation interpolation, Axis axis) {
  const bool by_axis = interpolation == Interpolation::kLinear || interpolation == Interpolation::kArea;
  const std::uint64_t key = table_key(source, target, interpolation, by_axis ? axis : Axis::kHorizontal);
  const auto found = fixed_.find(key);
  if (found != fixed_.end()) return found->second;
  return fixed_.emplace(key, make_fixed_taps(source, target, interpolation, axis)).first->second;
}

const AreaTaps& OpenCvResize::area_taps(int source, int target) {
  const std::uint64_t key = table_key(source, target, Interpolation::kArea, Axis::kHorizontal);
  const auto found = area_.find(key);
  if (found != area_.end()) return found->second;
  return area_.emplace(key, make_area_taps(source, target)).first->second;
}

// Pictures of many sizes must not make the tables grow for ever. Called where no reference into them is held.
void OpenCvResize::limit_tables() {
  if (fixed_.size() + area_.size() < kMaxTables) return;
  fixed_.clear();
  area_.clear();
}

}  // namespace facetrain
