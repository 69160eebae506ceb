// Colour jitter: brightness, contrast and saturation, each by a factor in [.5, 1.5), in random order:
// torchvision's ColorJitter(.5, .5, .5) on a Pillow image, with the 8-bit arithmetic of Pillow's ImageEnhance
// after every step.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataservice/augment/augmentation.hpp"

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

// Image.blend(black, image, factor).
void adjust_brightness(Image& image, double factor);
// Image.blend(mean gray level, image, factor); the mean of the luma, rounded half up.
void adjust_contrast(Image& image, double factor);
// Image.blend(luma, image, factor); `row` is scratch.
void adjust_saturation(Image& image, double factor, std::vector<std::uint8_t>& row);

void jitter_colours(Image& image, const ColourJitter& how, std::vector<std::uint8_t>& row);

std::unique_ptr<Augmentation> make_colour_jitter();

}  // namespace facetrain
