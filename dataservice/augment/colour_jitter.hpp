// Colour jitter: brightness, contrast and saturation, each by a factor in [.5, 1.5), in random order:
// torchvision's ColorJitter(.5, .5, .5) on a Pillow image, with the 8-bit arithmetic of Pillow's ImageEnhance
// after every step.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "dataservice/augment/augmentation.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

enum class ColourOperation : std::uint8_t { kBrightness = 0, kContrast = 1, kSaturation = 2 };

struct ColourJitter {
  std::array<ColourOperation, 3> order{ColourOperation::kBrightness, ColourOperation::kContrast,
                                       ColourOperation::kSaturation};
  double brightness = 1.0;
  double contrast = 1.0;
  double saturation = 1.0;
};

// Draws: the order (two integers, Fisher-Yates from the front), brightness, contrast, saturation.
ColourJitter draw_colour_jitter(RandomStream& rng);

// In the given order: brightness is Image.blend(black, image, factor); contrast is Image.blend(mean gray
// level, image, factor), the level being the mean of the luma, rounded half up; saturation is
// Image.blend(luma, image, factor). The order holds each operation once; the image has a pixel at least.
void jitter_colours(Image& image, const ColourJitter& how, Instructions instructions = best_instructions());

std::unique_ptr<Augmentation> make_colour_jitter(Instructions instructions);

}  // namespace facetrain
