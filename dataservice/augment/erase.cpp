#include "dataservice/augment/erase.hpp"

namespace facetrain {
namespace {

constexpr double kProbability = 0.5;
constexpr RectangleRange kEraseRange{0.02, 0.33, 0.3, 3.3};

}  // namespace

std::optional<Rectangle> draw_erasing(RandomStream& rng, int width, int height) {
  if (rng.uniform() >= kProbability) return std::nullopt;
  return draw_erased_rectangle(rng, width, height);
}

std::optional<Rectangle> draw_erased_rectangle(RandomStream& rng, int width, int height) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const Sides sides = draw_sides(rng, width, height, kEraseRange);
    const int h = sides.by_ratio, w = sides.against_ratio;  // torchvision's ratio is height to width here
    if (h >= height || w >= width) continue;
    const int top = static_cast<int>(rng.below(static_cast<std::uint32_t>(height - h + 1)));
    const int left = static_cast<int>(rng.below(static_cast<std::uint32_t>(width - w + 1)));
    return Rectangle{top, left, h, w};
  }
  return std::nullopt;
}

}  // namespace facetrain
