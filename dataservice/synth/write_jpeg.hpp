// RGB to JPEG bytes with libjpeg-turbo.
#pragma once

#include <cstddef>
#include <vector>

#include "dataservice/image.hpp"

namespace facetrain {

enum class Chroma { k420, k444 };  // colour at half the resolution, or at the whole

// Baseline, quality 1..100. Throws Error(kInternal) when libjpeg refuses.
std::vector<std::byte> write_jpeg(const Image& image, int quality, Chroma chroma = Chroma::k420);

}  // namespace facetrain
