// The coefficient tables of OpenCV's resize for 8-bit pictures, one axis at a time: which source pixels an
// output pixel reads and with which weights. Same double, float and rounding steps as OpenCV, so that the
// weights are the same bits.
#pragma once

#include <cstdint>
#include <vector>

namespace facetrain {

// cv2.INTER_NEAREST, _LINEAR, _CUBIC, _AREA, _LANCZOS4, with OpenCV's numbers.
enum class Interpolation : std::uint8_t { kNearest = 0, kLinear = 1, kCubic = 2, kArea = 3, kLanczos4 = 4 };

enum class Axis : std::uint8_t { kHorizontal = 0, kVertical = 1 };

// Source pixels per output pixel as OpenCV computes it (by way of the inverse, which matters in the last
// bit).
double opencv_scale(int source, int target);

inline constexpr int kWeightBits = 11;  // a weight of 1 is 2048
inline constexpr int kMaxTaps = 8;

// Weighted sums of `taps` neighbouring source pixels; pixels outside the picture are its border's.
struct FixedTaps {
  int taps = 0;                       // 2 (linear, and area when enlarging), 4 (cubic), 8 (Lanczos)
  std::vector<std::int32_t> first;    // [target]: the first source pixel, from -taps / 2 to source - 1
  std::vector<std::int16_t> weights;  // [target * taps]
};
FixedTaps make_fixed_taps(int source, int target, Interpolation interpolation, Axis axis);

// True area averaging, for shrinking: runs of source pixels with float weights.
struct AreaTaps {
  std::vector<std::int32_t> begin;   // [target + 1]: output i's entries are begin[i] .. begin[i + 1] - 1
  std::vector<std::int32_t> source;  // [entries]
  std::vector<float> weights;        // [entries]
};
AreaTaps make_area_taps(int source, int target);

}  // namespace facetrain
