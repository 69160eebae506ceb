// Random erasing (Zhong et al., AAAI 2020): a rectangle of the normalised picture becomes 0. torchvision's
// RandomErasing with its defaults: p .5, scale (.02, .33), ratio (.3, 3.3), value 0.
#pragma once

#include <optional>

#include "common/plan/philox.hpp"
#include "dataservice/augment/rectangle.hpp"

namespace facetrain {

// Draws: whether (one uniform); up to ten times: area share, log ratio; of the first that is smaller than the
// picture both ways: top, left. Nothing if it is not to be, or if none fits.
std::optional<Rectangle> draw_erasing(RandomStream& rng, int width, int height);

// The rectangle alone, without the draw of whether.
std::optional<Rectangle> draw_erased_rectangle(RandomStream& rng, int width, int height);

}  // namespace facetrain
