// A small rasteriser: shapes given by a signed distance (pixels, negative inside) are laid over a float
// picture with the coverage of an edge one pixel wide. A shape is any callable (x, y) -> distance; only its
// box is visited.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "dataservice/synth/face.hpp"

namespace facetrain {

constexpr int kCanvasSide = 112;

struct CanvasPoint {
  float x = 0, y = 0;
};

struct Box {
  float left, top, right, bottom;
};

constexpr Box kEverything{0, 0, kCanvasSide, kCanvasSide};

class Canvas {
 public:
  Canvas() : pixels_(static_cast<std::size_t>(kCanvasSide) * kCanvasSide * 3) {}

  float* at(int x, int y) {
    return pixels_.data() + (static_cast<std::size_t>(y) * kCanvasSide + static_cast<std::size_t>(x)) * 3;
  }
  std::vector<float>& pixels() { return pixels_; }

  // Calls visit(pixel, coverage) for the pixels that the shape touches.
  template <class Shape, class Visit>
  void each(const Box& box, const Shape& distance, const Visit& visit) {
    const int left = std::max(0, static_cast<int>(box.left) - 1),
              right = std::min(kCanvasSide, static_cast<int>(box.right) + 2);
    const int top = std::max(0, static_cast<int>(box.top) - 1),
              bottom = std::min(kCanvasSide, static_cast<int>(box.bottom) + 2);
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        const float d = distance(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
        if (d < 0.5f) visit(at(x, y), std::min(1.f, 0.5f - d));
      }
    }
  }

  template <class Shape>
  void fill(const Box& box, const Shape& distance, const Rgb& colour, float opacity = 1) {
    each(box, distance, [&](float* pixel, float coverage) {
      for (int c = 0; c < 3; ++c)
        pixel[c] += (colour[static_cast<std::size_t>(c)] - pixel[c]) * coverage * opacity;
    });
  }

 private:
  std::vector<float> pixels_;
};

// An ellipse: centre in pixels and two half axes as vectors in pixels (not necessarily at right angles: a
// tilted, foreshortened feature). The distance is first order: exact at the edge.
struct Ellipse {
  CanvasPoint centre, u, v;

  float operator()(float x, float y) const {
    const float det = u.x * v.y - u.y * v.x;
    const float dx = x - centre.x, dy = y - centre.y;
    const float a = (dx * v.y - dy * v.x) / det, b = (dy * u.x - dx * u.y) / det;
    // f = sqrt(a^2 + b^2) - 1 divided by the length of its gradient in pixels.
    const float r = std::sqrt(a * a + b * b);
    if (r < 1e-6f) return -std::min(std::hypot(u.x, u.y), std::hypot(v.x, v.y));
    const float gx = (a * v.y - b * u.y) / (det * r), gy = (b * u.x - a * v.x) / (det * r);
    return (r - 1) / std::sqrt(gx * gx + gy * gy);
  }
  Box box() const {
    const float w = std::sqrt(u.x * u.x + v.x * v.x), h = std::sqrt(u.y * u.y + v.y * v.y);
    return {centre.x - w, centre.y - h, centre.x + w, centre.y + h};
  }
};

// A stroke with round ends along a polyline of three points.
struct Stroke {
  CanvasPoint a, b, c;
  float radius;  // pixels

  static float to_segment(CanvasPoint p, CanvasPoint a, CanvasPoint b) {
    const float dx = b.x - a.x, dy = b.y - a.y;
    const float t = std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy + 1e-6f), 0.f, 1.f);
    const float ex = p.x - a.x - t * dx, ey = p.y - a.y - t * dy;
    return std::sqrt(ex * ex + ey * ey);
  }
  float operator()(float x, float y) const {
    return std::min(to_segment({x, y}, a, b), to_segment({x, y}, b, c)) - radius;
  }
  Box box() const {
    return {std::min({a.x, b.x, c.x}) - radius, std::min({a.y, b.y, c.y}) - radius,
            std::max({a.x, b.x, c.x}) + radius, std::max({a.y, b.y, c.y}) + radius};
  }
};

}  // namespace facetrain
