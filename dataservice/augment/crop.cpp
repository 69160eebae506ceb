#include "dataservice/augment/crop.hpp"

#include <cstring>

namespace facetrain {
namespace {

constexpr RectangleRange kCropRange{0.2, 1.0, 3.0 / 4.0, 4.0 / 3.0};

class Crop final : public Augmentation {
 public:
  void apply(Image& image, RandomStream& rng) override {
    crop_onto_black(image, draw_crop(rng, image.width, image.height));
  }
};

}  // namespace

Rectangle draw_crop(RandomStream& rng, int width, int height) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const Sides sides = draw_sides(rng, width, height, kCropRange);
    const int w = sides.by_ratio, h = sides.against_ratio;
    if (w <= 0 || w > width || h <= 0 || h > height) continue;
    const int top = static_cast<int>(rng.below(static_cast<std::uint32_t>(height - h + 1)));
    const int left = static_cast<int>(rng.below(static_cast<std::uint32_t>(width - w + 1)));
    return {top, left, h, w};
  }
  const double ratio = static_cast<double>(width) / height;
  int w = width, h = height;
  if (ratio < kCropRange.ratio_low) {
    h = round_half_even(w / kCropRange.ratio_low);
  } else if (ratio > kCropRange.ratio_high) {
    w = round_half_even(h * kCropRange.ratio_high);
  }
  return {(height - h) / 2, (width - w) / 2, h, w};
}

// Between two kept stretches lie the right border of one row and the left border of the next: one piece.
void crop_onto_black(Image& image, const Rectangle& kept) {
  if (kept.height == 0 || kept.width == 0) {
    std::memset(image.pixels.data(), 0, image.pixels.size());
    return;
  }
  std::uint8_t* black = image.pixels.data();
  for (int y = kept.top; y < kept.top + kept.height; ++y) {
    std::uint8_t* stretch = image.row(y) + 3 * kept.left;
    std::memset(black, 0, static_cast<std::size_t>(stretch - black));
    black = stretch + 3 * kept.width;
  }
  std::memset(black, 0, static_cast<std::size_t>(image.pixels.data() + image.pixels.size() - black));
}

std::unique_ptr<Augmentation> make_crop() {
  return std::make_unique<Crop>();
}

}  // namespace facetrain
