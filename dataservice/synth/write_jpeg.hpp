// RGB to JPEG bytes with libjpeg-turbo.
#pragma once

#include <cstddef>
#include <vector>

#include "dataservice/image.hpp"

namespace facetrain {

// Baseline, 4:2:0, quality 1..100. Throws Error(kInternal) when libjpeg refuses.
std::vector<std::byte> write_jpeg(const Image& image, int quality);

}  // namespace facetrain
