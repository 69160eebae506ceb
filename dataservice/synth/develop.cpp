#include "dataservice/synth/develop.hpp"

#include <array>
#include <cmath>

#include "common/plan/philox.hpp"

namespace facetrain {
namespace {

// Gaussian of `sigma` pixels, five taps, both ways; edges repeat.
void blur(std::vector<float>& pixels, float sigma) {
  std::array<float, 3> tap{1, std::exp(-0.5f / (sigma * sigma)), std::exp(-2.f / (sigma * sigma))};
  const float sum = tap[0] + 2 * (tap[1] + tap[2]);
  for (float& t : tap) t /= sum;
  std::vector<float> line(static_cast<std::size_t>(kCanvasSide + 4) * 3);
  const auto pass = [&](std::size_t start, std::size_t step) {
    for (int i = -2; i < kCanvasSide + 2; ++i) {
      const auto from = start + step * static_cast<std::size_t>(std::clamp(i, 0, kCanvasSide - 1));
      for (std::size_t c = 0; c < 3; ++c) line[static_cast<std::size_t>(i + 2) * 3 + c] = pixels[from + c];
    }
    for (std::size_t i = 0; i < kCanvasSide; ++i)
      for (std::size_t c = 0; c < 3; ++c) {
        const float* p = line.data() + i * 3 + c;
        pixels[start + step * i + c] = tap[0] * p[6] + tap[1] * (p[3] + p[9]) + tap[2] * (p[0] + p[12]);
      }
  };
  for (std::size_t i = 0; i < kCanvasSide; ++i) pass(i * kCanvasSide * 3, 3);
  for (std::size_t i = 0; i < kCanvasSide; ++i) pass(i * 3, kCanvasSide * 3);
}

// Nearly normal with standard deviation 1: the sum of a word's four bytes.
float noise_of(std::uint32_t word) {
  const std::uint32_t pairs = (word & 0x00FF00FFu) + (word >> 8 & 0x00FF00FFu);
  return (static_cast<float>((pairs & 0xFFFF) + (pairs >> 16)) - 510.f) / 147.8f;
}

// y = x^gamma for x in 0..2, 8 bits out: a table, since the power costs more than all the rest.
class Tone {
 public:
  explicit Tone(float gamma) {
    for (std::size_t i = 0; i < table_.size(); ++i)
      table_[i] = 255 * std::pow(static_cast<float>(i) * 2 / static_cast<float>(table_.size() - 1), gamma);
  }
  float operator()(float x) const {
    const float place = std::clamp(x * 0.5f, 0.f, 1.f) * static_cast<float>(table_.size() - 1);
    return table_[static_cast<std::size_t>(place + 0.5f)];
  }

 private:
  std::array<float, 1025> table_;
};

}  // namespace

void develop(Canvas& canvas, const Shot& shot, Image& image) {
  std::vector<float>& pixels = canvas.pixels();
  if (shot.blur > 0.35f) blur(pixels, shot.blur);
  const Tone tone(shot.gamma);
  RandomStream random(shot.noise_key, Purpose::kSynth, 2, 0);
  image.resize(kCanvasSide, kCanvasSide);
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    const float grey = 0.3f * pixels[i] + 0.59f * pixels[i + 1] + 0.11f * pixels[i + 2];
    for (std::size_t c = 0; c < 3; ++c) {
      const float coloured = grey + (pixels[i + c] - grey) * shot.saturation;
      const float gain =
          shot.saturation > 0 ? shot.gain[c] : shot.gain[1];  // a grey picture has no colour cast
      const float value = tone(coloured * gain) + shot.noise * noise_of(random.next_u32());
      image.pixels[i + c] = static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.f, 255.f));
    }
  }
}

}  // namespace facetrain
