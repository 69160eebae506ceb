#include "dataservice/align/warp_affine.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace facetrain {
namespace {

constexpr int kPlaceBits = 10;    // of a place while it is summed
constexpr int kFractionBits = 5;  // of it in the end
constexpr int kFractions = 1 << kFractionBits;
constexpr int kProductBits = 2 * kFractionBits;  // of a product of two weights

AffineMatrix inverse(const AffineMatrix& m) {
  double scale = m[0] * m[4] - m[1] * m[3];
  scale = scale != 0 ? 1 / scale : 0;
  const double a = m[4] * scale, b = m[1] * -scale, c = m[3] * -scale, d = m[0] * scale;
  return {a, b, -a * m[2] - b * m[5], c, d, -c * m[2] - d * m[5]};
}

// In 1/1024 pixel, as OpenCV's saturate_cast<int>.
std::int32_t fixed(double value) {
  const double scaled = std::rint(value * (1 << kPlaceBits));
  return static_cast<std::int32_t>(std::clamp(scaled, -2147483648.0, 2147483647.0));
}

std::int16_t whole(std::int64_t place) {
  return static_cast<std::int16_t>(std::clamp<std::int64_t>(place >> kFractionBits, -32768, 32767));
}

}  // namespace

void warp_affine(const Image& source, const AffineMatrix& matrix, int width, int height, Image& target) {
  target.resize(width, height);
  const AffineMatrix back = inverse(matrix);
  std::vector<std::int32_t> across_x(static_cast<std::size_t>(width)), across_y(across_x.size());
  for (std::size_t x = 0; x < across_x.size(); ++x) {
    across_x[x] = fixed(back[0] * static_cast<double>(x));
    across_y[x] = fixed(back[3] * static_cast<double>(x));
  }
  constexpr std::int64_t kHalf = 1 << (kPlaceBits - kFractionBits - 1);
  const auto tap = [&](int x, int y, int c) -> std::int32_t {
    const bool inside = x >= 0 && x < source.width && y >= 0 && y < source.height;
    return inside ? source.row(y)[3 * x + c] : 0;
  };
  for (int y = 0; y < height; ++y) {
    const std::int64_t start_x = fixed(back[1] * y + back[2]) + kHalf,
                       start_y = fixed(back[4] * y + back[5]) + kHalf;
    std::uint8_t* out = target.row(y);
    for (std::size_t x = 0; x < across_x.size(); ++x) {
      const std::int64_t place_x = (start_x + across_x[x]) >> (kPlaceBits - kFractionBits);
      const std::int64_t place_y = (start_y + across_y[x]) >> (kPlaceBits - kFractionBits);
      const int left = whole(place_x), top = whole(place_y);
      const auto right_part = static_cast<std::int32_t>(place_x & (kFractions - 1));
      const auto lower_part = static_cast<std::int32_t>(place_y & (kFractions - 1));
      for (int c = 0; c < 3; ++c) {
        const std::int32_t upper =
            tap(left, top, c) * (kFractions - right_part) + tap(left + 1, top, c) * right_part;
        const std::int32_t lower =
            tap(left, top + 1, c) * (kFractions - right_part) + tap(left + 1, top + 1, c) * right_part;
        const std::int32_t sum = upper * (kFractions - lower_part) + lower * lower_part;
        *out++ = static_cast<std::uint8_t>((sum + (1 << (kProductBits - 1))) >> kProductBits);
      }
    }
  }
}

}  // namespace facetrain
