#include "dataservice/augment/crop.hpp"

#include <cstring>

namespace facetrain {
namespace {

constexpr RectangleRange kRange{0.2, 1.0, 3.0 / 4.0, 4.0 / 3.0};

class Crop final : public Augmentation {
 public:
  void apply(Image& image, RandomStream& rng) override {
    crop_onto_black(image, draw_crop(rng, image.width, image.height));
  }
};

}  // namespace

Rectangle draw_crop(RandomStream& rng, int width, int height) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const Sides sides = draw_sides(rng, width, height, kRange);
    const int w = sides.by_ratio, h = sides.against_ratio;
    if (w <= 0 || w > width || h <= 0 || h > height) continue;
    const int top = static_cast<int>(rng.below(static_cast<std::uint32_t>(height - h + 1)));
    const int left = static_cast<int>(rng.below(static_cast<std::uint32_t>(width - w + 1)));
    return {top, left, h, w};
  }
  const double ratio = static_cast<double>(width) / height;
  int w = width, h = height;
  if (ratio < kRange.ratio_low) {
    h = round_half_even(w / kRange.ratio_low);
  } else if (ratio > kRange.ratio_high) {
    w = round_half_even(h * kRange.ratio_high);
  }
  return {(height - h) / 2, (width - w) / 2, h, w};
}

void crop_onto_black(Image& image, const Rectangle& kept) {
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  const std::size_t left = static_cast<std::size_t>(kept.left) * 3;
  const std::size_t right = static_cast<std::size_t>(kept.left + kept.width) * 3;
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.row(y);
    if (y < kept.top || y >= kept.top + kept.height) {
      std::memset(row, 0, row_bytes);
    } else {
      std::memset(row, 0, left);
      std::memset(row + right, 0, row_bytes - right);
    }
  }
}

std::unique_ptr<Augmentation> make_crop() {
  return std::make_unique<Crop>();
}

}  // namespace facetrain
