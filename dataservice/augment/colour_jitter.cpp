#include "dataservice/augment/colour_jitter.hpp"

#include <algorithm>
#include <utility>

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
void blend_with_level(Image& image, std::uint8_t level, double factor) {
  std::array<std::uint8_t, 256> table;
  for (int i = 0; i < 256; ++i) {
    table[static_cast<std::size_t>(i)] =
        blend(level, static_cast<std::uint8_t>(i), static_cast<float>(factor));
  }
  for (std::uint8_t& value : image.pixels) value = table[value];
}

class ColourJitterAugmentation final : public Augmentation {
 public:
  void apply(Image& image, RandomStream& rng) override {
    jitter_colours(image, draw_colour_jitter(rng), row_);
  }

 private:
  std::vector<std::uint8_t> row_;
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

void adjust_brightness(Image& image, double factor) {
  blend_with_level(image, 0, factor);
}

void adjust_contrast(Image& image, double factor) {
  const std::size_t count = image.pixels.size() / 3;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += luma(&image.pixels[3 * i]);
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  blend_with_level(image, static_cast<std::uint8_t>(mean + 0.5), factor);
}

void adjust_saturation(Image& image, double factor, std::vector<std::uint8_t>& row) {
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  row.resize(row_bytes);
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* pixels = image.row(y);
    for (std::size_t i = 0; i < row_bytes; i += 3) row[i] = row[i + 1] = row[i + 2] = luma(pixels + i);
    const std::uint8_t* gray = row.data();
    const float weight = static_cast<float>(factor);
    for (std::size_t i = 0; i < row_bytes; ++i) pixels[i] = blend(gray[i], pixels[i], weight);
  }
}

void jitter_colours(Image& image, const ColourJitter& how, std::vector<std::uint8_t>& row) {
  for (const ColourOperation operation : how.order) {
    switch (operation) {
      case ColourOperation::kBrightness:
        adjust_brightness(image, how.brightness);
        break;
      case ColourOperation::kContrast:
        adjust_contrast(image, how.contrast);
        break;
      case ColourOperation::kSaturation:
        adjust_saturation(image, how.saturation, row);
        break;
    }
  }
}

std::unique_ptr<Augmentation> make_colour_jitter() {
  return std::make_unique<ColourJitterAugmentation>();
}

}  // namespace facetrain
