#include "dataservice/align/similarity.hpp"

#include <cmath>

namespace facetrain {
namespace {

Point mean_of(const FivePoints& points) {
  Point mean;
  for (const Point& p : points) {
    mean.x += p.x / 5;
    mean.y += p.y / 5;
  }
  return mean;
}

}  // namespace

FivePoints arcface_points() {
  return {
      {{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}};
}

std::optional<AffineMatrix> similarity_transform(const FivePoints& from, const FivePoints& to) {
  const Point a = mean_of(from), b = mean_of(to);
  double along = 0, across = 0,
         variance = 0;  // of the centred points, as complex numbers: sum of to * conj(from)
  for (std::size_t i = 0; i < from.size(); ++i) {
    const double x = from[i].x - a.x, y = from[i].y - a.y, u = to[i].x - b.x, v = to[i].y - b.y;
    along += u * x + v * y;
    across += v * x - u * y;
    variance += x * x + y * y;
  }
  if (!(variance > 0) || !std::isfinite(variance)) return std::nullopt;
  const double c = along / variance, s = across / variance;  // scale times cosine and sine of the angle
  return AffineMatrix{c, -s, b.x - (c * a.x - s * a.y), s, c, b.y - (s * a.x + c * a.y)};
}

}  // namespace facetrain
