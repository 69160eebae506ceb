#include "dataservice/augment/opencv_taps.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace facetrain {
namespace {

using Weights = std::array<float, kMaxTaps>;

// Keys' cubic convolution with a = -.75 (IEEE ASSP 29, 1981); the fourth weight completes the sum of 1.
void cubic_weights(float x, Weights& w) {
  constexpr float a = -0.75f;
  const float before = x + 1, after = 1 - x;
  w[0] = ((a * before - 5 * a) * before + 8 * a) * before - 4 * a;
  w[1] = ((a + 2) * x - (a + 3)) * x * x + 1;
  w[2] = ((a + 2) * after - (a + 3)) * after * after + 1;
  w[3] = 1.0f - w[0] - w[1] - w[2];
}

// Lanczos over eight pixels, normalised: sin(pi d / 4) / (d / 4)^2 up to a factor, where the sines of the
// eight distances d = x + 3 - i follow from one sine and cosine by turns of pi / 4.
void lanczos4_weights(float x, Weights& w) {
  constexpr double half = 0.70710678118654752440084436210485;
  constexpr std::array<std::array<double, 2>, 8> turns{
      {{1, 0}, {-half, -half}, {0, 1}, {half, -half}, {-1, 0}, {half, half}, {0, -1}, {-half, half}}};
  const double start = -(x + 3) * std::numbers::pi * 0.25;
  const double sine = std::sin(start), cosine = std::cos(start);
  float sum = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const float distance = x + 3 - static_cast<float>(i);
    if (std::abs(distance) >= 1e-6f) {
      const double y = -distance * std::numbers::pi * 0.25;
      w[i] = static_cast<float>((turns[i][0] * sine + turns[i][1] * cosine) / (y * y));
    } else {
      w[i] = 1e30f;  // on a source pixel: normalised, it takes all the weight
    }
    sum += w[i];
  }
  sum = 1.0f / sum;
  for (float& weight : w) weight *= sum;
}

}  // namespace

double opencv_scale(int source, int target) {
  return 1.0 / (static_cast<double>(target) / source);
}

FixedTaps make_fixed_taps(int source, int target, Interpolation interpolation, Axis axis) {
  const double scale = opencv_scale(source, target);
  const double inverse = static_cast<double>(target) / source;
  const bool two = interpolation == Interpolation::kLinear || interpolation == Interpolation::kArea;
  FixedTaps table;
  table.taps = two ? 2 : interpolation == Interpolation::kCubic ? 4 : 8;
  table.first.reserve(static_cast<std::size_t>(target));
  table.weights.reserve(static_cast<std::size_t>(target) * static_cast<std::size_t>(table.taps));
  for (int i = 0; i < target; ++i) {
    int s;
    float fraction;
    if (interpolation ==
        Interpolation::kArea) {  // enlarging: the share of the output pixel that the next one covers
      s = static_cast<int>(std::floor(i * scale));
      fraction = static_cast<float>((i + 1) - (s + 1) * inverse);
      fraction = fraction <= 0 ? 0.0f : fraction - std::floor(fraction);
    } else {
      fraction = static_cast<float>((i + 0.5) * scale - 0.5);
      s = static_cast<int>(std::floor(fraction));
      fraction -= static_cast<float>(s);
    }
    // Along rows OpenCV moves the taps inside; across rows it repeats the border row, which rounds
    // differently.
    if (two && axis == Axis::kHorizontal && (s < 0 || s >= source - 1)) {
      s = s < 0 ? 0 : source - 1;
      fraction = 0;
    }
    Weights w{};
    if (two) {
      w[0] = 1.0f - fraction;
      w[1] = fraction;
    } else if (interpolation == Interpolation::kCubic) {
      cubic_weights(fraction, w);
    } else {
      lanczos4_weights(fraction, w);
    }
    table.first.push_back(s - (table.taps / 2 - 1));
    for (int k = 0; k < table.taps; ++k) {
      table.weights.push_back(
          static_cast<std::int16_t>(std::lrint(w[static_cast<std::size_t>(k)] * (1 << kWeightBits))));
    }
  }
  return table;
}

AreaTaps make_area_taps(int source, int target) {
  const double scale = opencv_scale(source, target);
  AreaTaps table;
  const auto add = [&](int s, double weight) {
    table.source.push_back(s);
    table.weights.push_back(static_cast<float>(weight));
  };
  for (int i = 0; i < target; ++i) {
    table.begin.push_back(static_cast<std::int32_t>(table.source.size()));
    const double from = i * scale, to = from + scale;
    const double cell = std::min(scale, source - from);
    const int last = std::min(static_cast<int>(std::floor(to)), source - 1);
    const int first = std::min(static_cast<int>(std::ceil(from)), last);
    if (first - from > 1e-3) add(first - 1, (first - from) / cell);
    for (int s = first; s < last; ++s) add(s, 1.0 / cell);
    if (to - last > 1e-3) add(last, std::min(std::min(to - last, 1.0), cell) / cell);
  }
  table.begin.push_back(static_cast<std::int32_t>(table.source.size()));
  return table;
}

}  // namespace facetrain
