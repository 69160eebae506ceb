// Crop onto black: a random rectangle of the picture stays at its place, the rest becomes black (AdaFace,
// CVPR 2022). The rectangle is torchvision's RandomResizedCrop.get_params with scale (.2, 1) and ratio (3/4,
// 4/3).
#pragma once

#include <memory>

#include "dataservice/augment/augmentation.hpp"
#include "dataservice/augment/rectangle.hpp"

namespace facetrain {

// Draws up to ten times: area share, log ratio; of the first that fits: top, left. If none fits, the central
// rectangle of the nearest allowed ratio.
Rectangle draw_crop(RandomStream& rng, int width, int height);

// Blackens everything outside `kept`, which lies inside the image.
void crop_onto_black(Image& image, const Rectangle& kept);

std::unique_ptr<Augmentation> make_crop();

}  // namespace facetrain
