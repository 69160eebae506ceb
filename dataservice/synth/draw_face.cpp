// One picture: background, shoulders, hair, head, features, light; then what a camera does to it
// (develop.hpp).
#include <algorithm>
#include <cmath>

#include "dataservice/synth/canvas.hpp"
#include "dataservice/synth/develop.hpp"
#include "dataservice/synth/face.hpp"
#include "dataservice/synth/head.hpp"

namespace facetrain {
namespace {

Rgb mix(const Rgb& a, const Rgb& b, float t) {
  return {a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t};
}

Rgb times(const Rgb& a, float t) {
  return {a[0] * t, a[1] * t, a[2] * t};
}

void draw_background(Canvas& canvas, const Shot& s) {
  const Rgb &a = s.colours[0], &b = s.colours[1], &c = s.colours[2];
  const float slope_x = s.blobs[0][0] / 122, slope_y = s.blobs[0][1] / 122, period = 4 + s.blobs[0][2] * 0.6f;
  for (int y = 0; y < kCanvasSide; ++y) {
    for (int x = 0; x < kCanvasSide; ++x) {
      const float across = slope_x * static_cast<float>(x) + slope_y * static_cast<float>(y);
      float t = std::clamp(across / 112, 0.f, 1.f);
      if (s.background == 2) t = std::fmod(std::abs(across), period) < period / 2 ? 0.f : 1.f;
      const Rgb colour = mix(a, b, t);
      std::copy(colour.begin(), colour.end(), canvas.at(x, y));
    }
  }
  if (s.background == 0) return;
  for (const auto& blob : s.blobs) {
    const float r = blob[2];
    const Ellipse shape{{blob[0], blob[1]}, {r, r * 0.2f}, {-r * 0.15f, r * (0.4f + blob[3] * 0.2f)}};
    canvas.fill(shape.box(), shape, mix(b, c, blob[3] / 5), 0.8f);
  }
}

struct Tones {
  Rgb skin, hair, lips, brow;
};

Tones tones_of(const Identity& p) {
  const Rgb skin = mix({0.92f, 0.74f, 0.64f}, {0.50f, 0.34f, 0.26f}, p.skin);
  const Rgb hair = times(mix({0.36f, 0.33f, 0.31f}, {0.52f, 0.36f, 0.22f}, p.hair_warm), 1.25f - p.hair_dark);
  return {skin, hair, mix(skin, {0.68f, 0.28f, 0.28f}, 0.6f), mix(skin, hair, p.brow_dark)};
}

void draw_hair_and_neck(Canvas& canvas, const Pose& pose, const Identity& p, const Shot& s,
                        const Tones& tones) {
  const float wide = p.head_width + p.side_hair;
  const float below = std::max(0.2f, p.hair_long);
  const Ellipse hair{pose.flat(0, (below - 0.98f - p.hair_top) / 2),
                     {pose.flat(wide, 0).x - pose.flat(0, 0).x, pose.flat(wide, 0).y - pose.flat(0, 0).y},
                     {pose.flat(0, 1).x - pose.flat(0, 0).x, pose.flat(0, 1).y - pose.flat(0, 0).y}};
  Ellipse fitted = hair;
  const float half = (below + 0.98f + p.hair_top) / 2;
  fitted.v = {hair.v.x * half, hair.v.y * half};
  if (p.hair_long > 0.2f) canvas.fill(fitted.box(), fitted, times(tones.hair, 0.8f));
  const Ellipse shoulders{pose.flat(0, 1.75f), {pose.pixels(1.35f), 0}, {0, pose.pixels(0.62f)}};
  const Ellipse neck{pose.flat(0, 1.05f), {pose.pixels(p.head_width * 0.55f), 0}, {0, pose.pixels(0.5f)}};
  canvas.fill(neck.box(), neck, times(tones.skin, 0.75f));
  canvas.fill(shoulders.box(), shoulders, s.colours[3]);
  if (p.hair_long <= 0.2f) canvas.fill(fitted.box(), fitted, times(tones.hair, 0.8f));
  for (const float side : {-1.f, 1.f}) {
    const float seen = 1 + side * s.yaw * 1.6f;  // the ear on the far side disappears
    if (seen < 0.4f) continue;
    const CanvasPoint c = pose.flat(side * p.head_width * 0.99f, p.ear_y);
    const Ellipse ear{c, {pose.pixels(p.ear_size * 0.5f * seen), 0}, {0, pose.pixels(p.ear_size)}};
    canvas.fill(ear.box(), ear, times(tones.skin, 0.85f));
  }
}

void draw_eyes(Canvas& canvas, const Pose& pose, const Identity& p, const Shot& s, const Tones& tones) {
  const Rgb iris = mix({0.45f, 0.5f, 0.55f}, {0.16f, 0.1f, 0.07f}, p.iris_dark);
  for (const float side : {-1.f, 1.f}) {
    const float x = side * p.eye_distance, height = p.eye_height * s.eye_open, tilt = side * p.eye_tilt;
    const Ellipse socket = pose.ellipse(x, p.eye_y, p.eye_width * 1.35f, p.eye_height * 1.7f, tilt);
    const Ellipse white = pose.ellipse(x, p.eye_y, p.eye_width, height, tilt);
    const Ellipse disc = pose.ellipse(x + s.gaze_x, p.eye_y + s.gaze_y, p.iris, p.iris);
    const Ellipse pupil = pose.ellipse(x + s.gaze_x, p.eye_y + s.gaze_y, p.iris * 0.45f, p.iris * 0.45f);
    canvas.fill(socket.box(), socket, times(tones.skin, 0.82f), 0.6f);
    canvas.fill(white.box(), white, {0.9f, 0.89f, 0.87f});
    const auto inside = [&](const Ellipse& part) {
      return [&white, part](float px, float py) { return std::max(white(px, py), part(px, py)); };
    };
    canvas.fill(white.box(), inside(disc), iris);
    canvas.fill(white.box(), inside(pupil), {0.03f, 0.03f, 0.03f});
    const float dx = std::cos(tilt) * p.eye_width, dy = std::sin(tilt) * p.eye_width;
    const Stroke lid =
        pose.stroke({x - dx, p.eye_y - dy}, {x, p.eye_y - height * 1.1f}, {x + dx, p.eye_y + dy}, 0.014f);
    canvas.fill(lid.box(), lid, times(tones.hair, 0.5f), 0.85f);

    const float y = p.eye_y - p.brow_gap - s.brow_raise, w = p.brow_width,
                slant = side * std::sin(p.brow_tilt) * w;
    const Stroke brow = pose.stroke({x - w, y - slant * 0.7f}, {x, y - p.brow_arch},
                                    {x + w, y + slant * 0.7f}, p.brow_thick / 1.6f);
    canvas.fill(brow.box(), brow, tones.brow);
  }
}

void draw_nose(Canvas& canvas, const Pose& pose, const Identity& p, const Shot& s, const Tones& tones) {
  const float tip = p.eye_y + p.nose_length + 0.06f;
  const float side = s.light_x > 0 ? -1.f : 1.f;  // the shadow falls away from the light
  const Stroke shadow = pose.stroke({side * p.nose_bridge, p.eye_y + 0.02f},
                                    {side * p.nose_bridge * 1.4f, p.eye_y + p.nose_length * 0.6f},
                                    {side * p.nose_width * 0.9f, tip}, p.nose_bridge * 0.55f, 0.08f);
  canvas.fill(shadow.box(), shadow, times(tones.skin, 0.68f), 0.35f + 0.3f * std::abs(s.light_x));
  const Ellipse ball = pose.ellipse(0, tip - 0.02f, p.nose_width * 0.62f, p.nose_width * 0.5f, 0, 0.16f);
  canvas.fill(ball.box(), ball, times(tones.skin, 1.08f), 0.7f);
  for (const float wing : {-1.f, 1.f}) {
    const Ellipse flank =
        pose.ellipse(wing * p.nose_width * 0.8f, tip, p.nose_width * 0.3f, p.nose_width * 0.38f, 0, 0.08f);
    const Ellipse hole = pose.ellipse(wing * p.nose_width * 0.45f, tip + p.nose_width * 0.36f,
                                      p.nose_width * 0.26f, p.nose_width * 0.15f, 0, 0.12f);
    canvas.fill(flank.box(), flank, times(tones.skin, 0.84f), 0.8f);
    canvas.fill(hole.box(), hole, times(tones.skin, 0.28f), 0.9f);
  }
}

void draw_mouth(Canvas& canvas, const Pose& pose, const Identity& p, const Shot& s, const Tones& tones) {
  const float w = p.mouth_width * (1 + s.smile * 1.5f), y = p.mouth_y, open = s.mouth_open;
  const float corner = y - p.mouth_curve - s.smile * 0.8f;
  const Ellipse lower = pose.ellipse(0, y + open + p.lip_lower * 0.6f, w * 0.82f, p.lip_lower);
  const Ellipse upper = pose.ellipse(0, y - p.lip_upper * 0.6f, w * 0.9f, p.lip_upper);
  canvas.fill(lower.box(), lower, tones.lips);
  canvas.fill(upper.box(), upper, times(tones.lips, 0.88f));
  if (open > 0) {
    const Ellipse gap = pose.ellipse(0, y + open / 2, w * 0.8f, open * 0.6f + 0.01f);
    canvas.fill(gap.box(), gap, {0.2f, 0.07f, 0.07f});
    const Ellipse teeth = pose.ellipse(0, y + open * 0.2f, w * 0.6f, open * 0.28f);
    canvas.fill(teeth.box(), teeth, {0.9f, 0.88f, 0.84f}, 0.9f);
  }
  const Stroke line = pose.stroke({-w, corner}, {0, y + 0.01f}, {w, corner}, 0.013f);
  canvas.fill(line.box(), line, times(tones.lips, 0.4f), 0.85f);
}

void draw_beard_and_marks(Canvas& canvas, const Pose& pose, const HeadShape& head, const Identity& p,
                          const Tones& tones) {
  if (p.beard > 0) {
    const Ellipse chin = pose.ellipse(0, 0.72f, p.head_width * 0.95f, 0.45f);
    const Ellipse bare = pose.ellipse(0, p.mouth_y - 0.14f, p.mouth_width * 1.25f, 0.24f);
    const auto beard = [&](float x, float y) { return std::max({head(x, y), chin(x, y), -bare(x, y)}); };
    canvas.fill(kEverything, beard, tones.hair, p.beard);
  }
  if (p.moustache > 0) {
    const float y = (p.mouth_y - p.lip_upper + p.eye_y + p.nose_length + 0.16f) / 2;
    const Stroke hair = pose.stroke({-p.mouth_width * 0.85f, y + 0.05f}, {0, y - 0.02f},
                                    {p.mouth_width * 0.85f, y + 0.05f}, 0.045f);
    canvas.fill(hair.box(), hair, tones.hair, p.moustache);
  }
  for (int i = 0; i < p.marks; ++i) {
    const auto& m = p.mark[static_cast<std::size_t>(i)];
    const Ellipse mole = pose.ellipse(m[0], m[1], m[2], m[2]);
    canvas.fill(mole.box(), mole, times(tones.skin, 0.35f), 0.9f);
  }
}

void draw_glasses(Canvas& canvas, const Pose& pose, const Identity& p) {
  const Rgb frame{0.08f, 0.08f, 0.1f};
  for (const float side : {-1.f, 1.f}) {
    const Ellipse lens = pose.ellipse(side * p.eye_distance * 1.03f, p.eye_y + 0.02f, p.glasses_size,
                                      p.glasses_size * (0.62f + 0.35f * p.glasses_round), 0, 0.1f);
    const float half = pose.pixels(p.glasses) / 1.4f;
    const auto ring = [&](float x, float y) { return std::abs(lens(x, y)) - half; };
    Box box = lens.box();
    box = {box.left - 3, box.top - 3, box.right + 3, box.bottom + 3};
    canvas.fill(box, ring, frame);
  }
  const float inner = p.eye_distance * 1.03f - p.glasses_size;
  if (inner > 0) {
    const Stroke bridge =
        pose.stroke({-inner, p.eye_y}, {0, p.eye_y - 0.02f}, {inner, p.eye_y}, p.glasses / 2, 0.15f);
    canvas.fill(bridge.box(), bridge, frame);
  }
}

// Hair over the forehead and temples: inside the enlarged head, above the hairline.
void draw_front_hair(Canvas& canvas, const Pose& pose, const HeadShape& head, const Identity& p,
                     const Shot& s, const Tones& tones) {
  const float turn = s.yaw * 0.45f, nod = s.pitch * 0.4f, grow = pose.pixels(p.hair_top * 0.7f + 0.02f);
  const auto hair = [&](float px, float py) {
    const CanvasPoint q = pose.back(px, py);
    const float x = q.x - turn, side = x / p.head_width;
    const float wave = p.hair_wave > 0 ? p.hair_wave * std::sin(x * 22 + p.parting * 9) : 0.f;
    const float line = p.hairline + nod + p.fringe * (side - p.parting) * (side - p.parting) * 0.5f + wave;
    const float temple = 0.93f - p.side_hair * 0.7f;
    const float above = q.y - line, outside = (temple - std::abs(side)) * p.head_width;
    const float side_end = q.y - std::max(-0.2f, std::min(p.hair_long, 0.9f));
    const float region = std::min(above, std::max(outside, side_end));
    return std::max(head(px, py) - (q.y < 0.1f ? grow : 0.f), pose.pixels(region));
  };
  canvas.fill(kEverything, hair, tones.hair);
}

// Lambert on an ellipsoid over everything drawn so far of the head.
void light_head(Canvas& canvas, const Pose& pose, const HeadShape& head, const Identity& p, const Shot& s) {
  const float lz = 1 / std::sqrt(1 + s.light_x * s.light_x + s.light_y * s.light_y);
  for (int y = 0; y < kCanvasSide; ++y) {
    for (int x = 0; x < kCanvasSide; ++x) {
      const float px = static_cast<float>(x) + 0.5f, py = static_cast<float>(y) + 0.5f;
      const CanvasPoint q = pose.back(px, py);
      const float nx = std::clamp(q.x / (p.head_width * 1.12f), -1.f, 1.f),
                  ny = std::clamp(q.y / 1.2f, -1.f, 1.f);
      const float nz = std::sqrt(std::max(0.02f, 1 - nx * nx - ny * ny));
      const float facing = std::max(0.f, (nx * s.light_x + ny * s.light_y + nz) * lz);
      const float on = std::clamp((0.25f - head.level(q.x, q.y)) * 4, 0.f, 1.f);  // fades outside the head
      const float light = 1 + on * (s.ambient + (1.25f - s.ambient) * facing - 1);
      float* pixel = canvas.at(x, y);
      for (int c = 0; c < 3; ++c) pixel[c] *= light;
    }
  }
}

}  // namespace

void draw_face(const Identity& identity, const Shot& shot, Image& image) {
  Canvas canvas;
  const Pose pose(identity, shot);
  const HeadShape head{identity, pose};
  const Tones tones = tones_of(identity);
  draw_background(canvas, shot);
  draw_hair_and_neck(canvas, pose, identity, shot, tones);
  canvas.fill(kEverything, head, tones.skin);
  draw_beard_and_marks(canvas, pose, head, identity, tones);
  draw_nose(canvas, pose, identity, shot, tones);
  draw_mouth(canvas, pose, identity, shot, tones);
  draw_eyes(canvas, pose, identity, shot, tones);
  draw_front_hair(canvas, pose, head, identity, shot, tones);
  if (identity.glasses > 0 && !shot.glasses_off) draw_glasses(canvas, pose, identity);
  light_head(canvas, pose, head, identity, shot);
  develop(canvas, shot, image);
}

}  // namespace facetrain
