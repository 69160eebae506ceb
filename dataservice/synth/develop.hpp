// What a camera does to a drawn scene: blur, exposure and white balance, gamma, saturation, noise, 8 bits.
#pragma once

#include "dataservice/image.hpp"
#include "dataservice/synth/canvas.hpp"

namespace facetrain {

// Consumes the canvas (blurs in place). image becomes kCanvasSide x kCanvasSide.
void develop(Canvas& canvas, const Shot& shot, Image& image);

}  // namespace facetrain
