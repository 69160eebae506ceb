// Random rectangles of torchvision: the part of a picture that a crop keeps or an erasing clears.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/plan/philox.hpp"

namespace facetrain {

struct Rectangle {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
};

struct RectangleRange {
  double scale_low, scale_high;  // share of the picture's area, uniform
  double ratio_low, ratio_high;  // aspect ratio, log-uniform
};

// Python's round() for sizes: halves go to the even number.
inline int round_half_even(double value) {
  return static_cast<int>(std::nearbyint(value));
}

// The two sides of one try, in pixels: {sqrt(area * ratio), sqrt(area / ratio)}. Draws: area share, log
// ratio.
struct Sides {
  int by_ratio;       // sqrt(area * ratio)
  int against_ratio;  // sqrt(area / ratio)
};
inline Sides draw_sides(RandomStream& rng, int width, int height, const RectangleRange& range) {
  const double area = static_cast<double>(width) * height * rng.uniform(range.scale_low, range.scale_high);
  const double ratio = std::exp(rng.uniform(std::log(range.ratio_low), std::log(range.ratio_high)));
  return {round_half_even(std::sqrt(area * ratio)), round_half_even(std::sqrt(area / ratio))};
}

}  // namespace facetrain
