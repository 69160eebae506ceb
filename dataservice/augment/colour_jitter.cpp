#include "dataservice/augment/colour_jitter.hpp"

#include <algorithm>
#include <utility>

#include "dataservice/augment/colour_jitter_avx2.hpp"

namespace facetrain {
namespace {

// ITU-R 601-2 luma, rounded, as Pillow's convert("L").
std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

// Pillow's Image.blend of one value: float arithmetic, cut off rather than rounded, clipped.
std::uint8_t blend(std::uint8_t from, std::uint8_t to, float factor) {
  const float value = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<std::uint8_t>(static_cast<int>(std::min(std::max(value, 0.0f), 255.0f)));
}

// Blends every value with one gray level: a table of 256 does it.
void blend_with_level(std::span<std::uint8_t> values, std::uint8_t level, double factor) {
  std::array<std::uint8_t, 256> table;
  for (int i = 0; i < 256; ++i) {
    table[static_cast<std::size_t>(i)] =
        blend(level, static_cast<std::uint8_t>(i), static_cast<float>(factor));
  }
  for (std::uint8_t& value : values) value = table[value];
}

void adjust_contrast(std::span<std::uint8_t> values, double factor) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < values.size(); i += 3) sum += luma(&values[i]);
  blend_with_level(values, mean_level(sum, values.size() / 3), factor);
}

// Piece by piece, so that the second loop, without a branch, is vectorised.
void adjust_saturation(std::span<std::uint8_t> values, double factor) {
  constexpr std::size_t kPiece = 3 * 128;
  std::array<std::uint8_t, kPiece> gray;
  const float weight = static_cast<float>(factor);
  for (std::size_t begin = 0; begin < values.size(); begin += kPiece) {
    const std::size_t count = std::min(kPiece, values.size() - begin);
    std::uint8_t* piece = &values[begin];
    for (std::size_t i = 0; i < count; i += 3) gray[i] = gray[i + 1] = gray[i + 2] = luma(piece + i);
    for (std::size_t i = 0; i < count; ++i) piece[i] = blend(gray[i], piece[i], weight);
  }
}

void jitter_portable(std::span<std::uint8_t> values, const ColourJitter& how) {
  for (const ColourOperation operation : how.order) {
    switch (operation) {
      case ColourOperation::kBrightness:
        blend_with_level(values, 0, how.brightness);
        break;
      case ColourOperation::kContrast:
        adjust_contrast(values, how.contrast);
        break;
      case ColourOperation::kSaturation:
        adjust_saturation(values, how.saturation);
        break;
    }
  }
}

class ColourJitterAugmentation final : public Augmentation {
 public:
  explicit ColourJitterAugmentation(Instructions instructions) : instructions_(instructions) {}

  void apply(Image& image, RandomStream& rng) override {
    jitter_colours(image, draw_colour_jitter(rng), instructions_);
  }

 private:
  Instructions instructions_;
};

}  // namespace

ColourJitter draw_colour_jitter(RandomStream& rng) {
  ColourJitter how;
  for (std::uint32_t i = 0; i < 2; ++i) std::swap(how.order[i], how.order[i + rng.below(3 - i)]);
  how.brightness = rng.uniform(0.5, 1.5);
  how.contrast = rng.uniform(0.5, 1.5);
  how.saturation = rng.uniform(0.5, 1.5);
  return how;
}

void jitter_colours(Image& image, const ColourJitter& how, Instructions instructions) {
#ifdef FACETRAIN_HAS_AVX2
  if (instructions == Instructions::kAvx2 && jitter_avx2(image.pixels, how)) return;
#endif
  jitter_portable(image.pixels, how);
}

std::unique_ptr<Augmentation> make_colour_jitter(Instructions instructions) {
  return std::make_unique<ColourJitterAugmentation>(instructions);
}

}  // namespace facetrain
