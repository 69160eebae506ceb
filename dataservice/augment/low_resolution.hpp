// Low resolution: the picture is made small and brought back to its size, each way with one of OpenCV's five
// interpolations (AdaFace, CVPR 2022). Pixels equal cv2.resize without IPP.
#pragma once

#include <memory>

#include "dataservice/augment/augmentation.hpp"
#include "dataservice/augment/opencv_resize.hpp"

namespace facetrain {

struct LowResolution {
  int side = 1;  // the small picture is side x side, whatever the picture's shape (as the reference)
  Interpolation down = Interpolation::kNearest;
  Interpolation up = Interpolation::kNearest;
};

// Draws: side as a share of the height in [.2, 1), interpolation down, interpolation up.
LowResolution draw_low_resolution(RandomStream& rng, int height);

// `small` is scratch.
void lower_resolution(Image& image, const LowResolution& how, OpenCvResize& resizer, Image& small);

std::unique_ptr<Augmentation> make_low_resolution(Instructions instructions);

}  // namespace facetrain
