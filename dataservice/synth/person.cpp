// The random choices: who a person is, and how one picture of them is taken.
#include <algorithm>
#include <cmath>

#include "common/plan/philox.hpp"
#include "dataservice/synth/face.hpp"

namespace facetrain {
namespace {

class Dice {
 public:
  explicit Dice(RandomStream stream) : stream_(stream) {}
  float between(double low, double high) { return static_cast<float>(stream_.uniform(low, high)); }
  float normal(double sigma) { return static_cast<float>(std::clamp(stream_.normal(), -2.2, 2.2) * sigma); }
  bool chance(double p) { return stream_.uniform() < p; }
  int below(int n) { return static_cast<int>(stream_.below(static_cast<std::uint32_t>(n))); }
  std::uint64_t word() { return static_cast<std::uint64_t>(stream_.next_u32()) << 32 | stream_.next_u32(); }

 private:
  RandomStream stream_;
};

}  // namespace

Identity draw_identity(std::uint64_t seed, std::uint64_t number) {
  Dice dice(RandomStream(seed, Purpose::kSynth, 0, number));
  Identity p{};
  p.head_width = dice.between(0.66, 0.86);
  p.head_square = dice.between(0, 0.9);
  p.jaw = dice.between(0.02, 0.42);
  p.chin = dice.between(0.94, 1.1);
  p.eye_distance = dice.between(0.27, 0.43);
  p.eye_y = dice.between(-0.2, 0.02);
  p.eye_width = dice.between(0.11, 0.185);
  p.eye_height = p.eye_width * dice.between(0.36, 0.72);
  p.eye_tilt = dice.between(-0.25, 0.25);
  p.iris = dice.between(0.055, 0.085);
  p.iris_dark = dice.between(0.3, 1);
  p.brow_gap = dice.between(0.13, 0.27);
  p.brow_width = dice.between(0.14, 0.24);
  p.brow_thick = dice.between(0.018, 0.07);
  p.brow_arch = dice.between(-0.02, 0.09);
  p.brow_tilt = dice.between(-0.3, 0.3);
  p.brow_dark = dice.between(0.4, 1);
  p.nose_length = dice.between(0.24, 0.46);
  p.nose_width = dice.between(0.09, 0.2);
  p.nose_bridge = dice.between(0.03, 0.08);
  p.mouth_y = dice.between(0.47, 0.64);
  p.mouth_width = dice.between(0.17, 0.34);
  p.lip_upper = dice.between(0.02, 0.07);
  p.lip_lower = dice.between(0.025, 0.09);
  p.mouth_curve = dice.between(-0.05, 0.05);
  p.hairline = dice.between(-0.82, -0.4);
  p.parting = dice.between(-0.6, 0.6);
  p.fringe = dice.between(-0.35, 0.5);
  p.side_hair = dice.between(0.02, 0.22);
  p.hair_top = dice.between(0.02, 0.22);
  p.hair_long = dice.chance(0.45) ? dice.between(0.3, 1.1) : dice.between(-0.3, 0.1);
  p.hair_wave = dice.chance(0.4) ? dice.between(0.02, 0.06) : 0.f;
  p.hair_dark = dice.between(0.55, 1);
  p.hair_warm = dice.between(0, 1);
  p.ear_size = dice.between(0.1, 0.2);
  p.ear_y = dice.between(-0.08, 0.14);
  p.beard = dice.chance(0.18) ? dice.between(0.25, 0.7) : 0.f;
  p.moustache = dice.chance(0.2) ? dice.between(0.4, 0.9) : 0.f;
  p.glasses = dice.chance(0.2) ? dice.between(0.018, 0.035) : 0.f;
  p.glasses_size = dice.between(0.19, 0.27);
  p.glasses_round = dice.between(0, 1);
  p.skin = dice.between(0.25, 0.6);
  p.marks = std::max(0, dice.below(6) - 1);
  for (auto& mark : p.mark) {
    const float x = dice.between(-0.55, 0.55), y = dice.between(-0.5, 0.75);
    mark = {x * p.head_width / 0.75f, y, dice.between(0.016, 0.036)};
  }
  return p;
}

Shot draw_shot(std::uint64_t seed, std::uint64_t number, std::uint32_t picture) {
  Dice dice(RandomStream(seed, Purpose::kSynth, 1, number << 20 | picture));
  Shot s{};
  s.roll = dice.normal(0.1);
  s.yaw = dice.normal(0.24);
  s.pitch = dice.normal(0.12);
  s.scale = 47.f * (1 + dice.normal(0.05));
  s.shift_x = dice.normal(2.2);
  s.shift_y = dice.normal(2.2);
  const float angle = dice.between(0, 6.2832), off = dice.between(0.2, 1.1);
  s.light_x = std::cos(angle) * off;
  s.light_y = std::sin(angle) * off;
  s.ambient = dice.between(0.25, 0.75);
  s.smile = dice.normal(0.06);
  s.mouth_open = dice.chance(0.3) ? dice.between(0.02, 0.13) : 0.f;
  s.eye_open = dice.between(0.65, 1.15);
  s.brow_raise = dice.normal(0.025);
  s.gaze_x = dice.normal(0.03);
  s.gaze_y = dice.normal(0.012);
  s.glasses_off = dice.chance(0.25);
  const float exposure = dice.between(0.5, 1.45);
  for (float& gain : s.gain) gain = exposure * (1 + dice.normal(0.12));
  s.gamma = dice.between(0.7, 1.45);
  s.saturation = dice.chance(0.12) ? 0.f : dice.between(0.4, 1.3);
  s.noise = dice.chance(0.3) ? dice.between(8, 20) : dice.between(1, 8);
  s.blur = dice.chance(0.5) ? dice.between(0, 1.3) : 0.f;
  s.noise_key = dice.word();
  s.background = dice.below(4);
  for (Rgb& colour : s.colours) {
    const float grey = dice.between(0.05, 0.95);
    for (float& channel : colour) channel = std::clamp(grey + dice.normal(0.17), 0.f, 1.f);
  }
  for (auto& blob : s.blobs)
    blob = {dice.between(-10, 122), dice.between(-10, 122), dice.between(8, 45),
            static_cast<float>(dice.below(6))};
  return s;
}

}  // namespace facetrain
