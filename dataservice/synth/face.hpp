// People who do not exist: what stays the same about one (Identity), what differs between two pictures of one
// (Shot), and the drawing of one picture. Lengths are in units of half a head (the face spans -1..1, y down),
// angles in radians.
#pragma once

#include <array>
#include <cstdint>

#include "dataservice/image.hpp"

namespace facetrain {

using Rgb = std::array<float, 3>;  // 0..1

// Fixed for one person. Tones span a narrow band on purpose: shape must identify, not mean colour.
struct Identity {
  float head_width, head_square, jaw, chin;  // half width; 0 oval .. 1 square; narrowing; length of the chin
  float eye_distance, eye_y, eye_width, eye_height, eye_tilt, iris, iris_dark;
  float brow_gap, brow_width, brow_thick, brow_arch, brow_tilt, brow_dark;
  float nose_length, nose_width, nose_bridge;
  float mouth_y, mouth_width, lip_upper, lip_lower, mouth_curve;
  float hairline, parting, fringe, side_hair, hair_top, hair_long, hair_wave, hair_dark, hair_warm;
  float ear_size, ear_y;
  float beard, moustache;                      // opacity; mostly 0
  float glasses, glasses_size, glasses_round;  // worn when > 0
  float skin;                                  // 0 light .. 1 dark, narrow
  int marks;                                   // moles, at most 4
  std::array<std::array<float, 3>, 4> mark;    // x, y, radius
};

// Differs from picture to picture.
struct Shot {
  float roll, yaw, pitch, scale, shift_x, shift_y;
  float light_x, light_y, ambient;  // direction of the light, share that comes from everywhere
  float smile, mouth_open, eye_open, brow_raise, gaze_x, gaze_y;
  bool glasses_off;
  std::array<float, 3> gain;  // exposure and white balance
  float gamma, saturation, noise, blur;
  std::uint64_t noise_key;
  int background;                             // kind of background
  std::array<Rgb, 4> colours;                 // background (3) and clothes
  std::array<std::array<float, 4>, 5> blobs;  // x, y, radius, kind; pixels of a 112-pixel picture
};

// Person `number` of the world that `seed` draws.
Identity draw_identity(std::uint64_t seed, std::uint64_t number);

// Picture `picture` (below 2^20) of person `number`.
Shot draw_shot(std::uint64_t seed, std::uint64_t number, std::uint32_t picture);

// Draws the picture: 112 x 112 RGB.
void draw_face(const Identity& identity, const Shot& shot, Image& image);

}  // namespace facetrain
