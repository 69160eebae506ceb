// The geometry of one head in one picture: from the head's frame to pixels, and the head's outline.
#pragma once

#include <algorithm>
#include <cmath>

#include "dataservice/synth/canvas.hpp"
#include "dataservice/synth/face.hpp"

namespace facetrain {

// From the head's frame to pixels: a point on the (ellipsoidal) face is turned by yaw and pitch, then roll,
// scale, shift.
class Pose {
 public:
  Pose(const Identity& p, const Shot& s)
      : width_(p.head_width),
        cos_yaw_(std::cos(s.yaw)),
        sin_yaw_(std::sin(s.yaw)),
        cos_pitch_(std::cos(s.pitch)),
        sin_pitch_(std::sin(s.pitch)),
        cos_(std::cos(s.roll) * s.scale),
        sin_(std::sin(s.roll) * s.scale),
        scale_(s.scale),
        centre_{56 + s.shift_x, 60 + s.shift_y} {}

  // `lift` raises a feature above the ellipsoid (the nose).
  CanvasPoint operator()(float x, float y, float lift = 0) const {
    const float u = x / (width_ * 1.15f), v = y / 1.25f;
    const float z = 0.75f * std::sqrt(std::max(0.05f, 1 - u * u - v * v)) + lift - 0.35f;
    return flat(x * cos_yaw_ + z * sin_yaw_, y * cos_pitch_ + z * sin_pitch_);
  }
  // A point of the picture plane of the head (its outline, the hair behind it).
  CanvasPoint flat(float x, float y) const {
    return {centre_.x + cos_ * x - sin_ * y, centre_.y + sin_ * x + cos_ * y};
  }
  CanvasPoint back(float px, float py) const {
    const float dx = (px - centre_.x) / (scale_ * scale_), dy = (py - centre_.y) / (scale_ * scale_);
    return {cos_ * dx + sin_ * dy, cos_ * dy - sin_ * dx};
  }
  float pixels(float length) const { return length * scale_; }

  // An ellipse on the face: centre, half axes, tilt; its axes follow the surface by finite differences.
  Ellipse ellipse(float x, float y, float rx, float ry, float tilt = 0, float lift = 0) const {
    const CanvasPoint c = (*this)(x, y, lift);
    const auto axis = [&](float dx, float dy) {
      const CanvasPoint p = (*this)(x + dx, y + dy, lift), q = (*this)(x - dx, y - dy, lift);
      CanvasPoint half{(p.x - q.x) / 2, (p.y - q.y) / 2};
      const float length = std::hypot(half.x, half.y);
      if (length < 0.3f)
        half = length > 1e-4f ? CanvasPoint{half.x * 0.3f / length, half.y * 0.3f / length}
                              : CanvasPoint{0.3f, 0.f};
      return half;
    };
    return {c, axis(rx * std::cos(tilt), rx * std::sin(tilt)),
            axis(-ry * std::sin(tilt), ry * std::cos(tilt))};
  }
  Stroke stroke(CanvasPoint a, CanvasPoint b, CanvasPoint c, float radius, float lift = 0) const {
    return {(*this)(a.x, a.y, lift), (*this)(b.x, b.y, lift), (*this)(c.x, c.y, lift), pixels(radius)};
  }

 private:
  float width_, cos_yaw_, sin_yaw_, cos_pitch_, sin_pitch_, cos_, sin_, scale_;
  CanvasPoint centre_;
};

// The head's outline in its own plane: between an ellipse and a square with round corners, narrower towards
// the chin.
struct HeadShape {
  const Identity& p;
  const Pose& pose;

  float level(float x, float y) const {  // 0 at the edge, negative inside
    const float v = y > 0 ? y / p.chin : y / 0.95f;
    const float narrow = y > 0 ? 1 - p.jaw * v * v * std::min(v, 1.f) : 1.f;
    const float u = x / (p.head_width * std::max(0.3f, narrow));
    const float round = u * u + v * v, square = u * u * u * u + v * v * v * v;
    return (1 - p.head_square) * round + p.head_square * square - 1;
  }
  float operator()(float px, float py) const {
    const CanvasPoint q = pose.back(px, py);
    const float f = level(q.x, q.y);
    if (f > 0.6f || f < -0.6f) return f > 0 ? 9.f : -9.f;
    constexpr float e = 0.01f;
    const float gx = (level(q.x + e, q.y) - f) / e, gy = (level(q.x, q.y + e) - f) / e;
    return pose.pixels(f / std::max(0.5f, std::sqrt(gx * gx + gy * gy)));
  }
};

}  // namespace facetrain
