// cv2.warpAffine of 8-bit RGB, bilinear, black outside: bit for bit as OpenCV up to 4.10 (without IPP), which
// rounds places to 1/32 pixel and weights to whole numbers. From 4.11 on OpenCV interpolates without that
// rounding: values differ by a few grey levels.
#pragma once

#include "dataservice/align/similarity.hpp"
#include "dataservice/image.hpp"

namespace facetrain {

// Sets `target`, which is not `source`, to width x height pixels. matrix: from places in `source` to places
// in `target`; a matrix that cannot be inverted gives what OpenCV gives, one pixel of the source everywhere.
void warp_affine(const Image& source, const AffineMatrix& matrix, int width, int height, Image& target);

}  // namespace facetrain
