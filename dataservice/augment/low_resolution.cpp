#include "dataservice/augment/low_resolution.hpp"

#include <algorithm>
#include <array>

namespace facetrain {
namespace {

constexpr std::array<Interpolation, 5> kInterpolations{Interpolation::kNearest, Interpolation::kLinear,
                                                       Interpolation::kArea, Interpolation::kCubic,
                                                       Interpolation::kLanczos4};

class LowResolutionAugmentation final : public Augmentation {
 public:
  explicit LowResolutionAugmentation(Instructions instructions) : resizer_(instructions) {}

  void apply(Image& image, RandomStream& rng) override {
    lower_resolution(image, draw_low_resolution(rng, image.height), resizer_, small_);
  }

 private:
  OpenCvResize resizer_;
  Image small_;
};

}  // namespace

LowResolution draw_low_resolution(RandomStream& rng, int height) {
  LowResolution how;
  how.side = std::max(1, static_cast<int>(rng.uniform(0.2, 1.0) * height));
  how.down = kInterpolations[rng.below(kInterpolations.size())];
  how.up = kInterpolations[rng.below(kInterpolations.size())];
  return how;
}

void lower_resolution(Image& image, const LowResolution& how, OpenCvResize& resizer, Image& small) {
  const int width = image.width, height = image.height;
  resizer.resize(image, how.side, how.side, how.down, small);
  resizer.resize(small, width, height, how.up, image);
}

std::unique_ptr<Augmentation> make_low_resolution(Instructions instructions) {
  return std::make_unique<LowResolutionAugmentation>(instructions);
}

}  // namespace facetrain
