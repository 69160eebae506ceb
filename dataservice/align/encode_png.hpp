// An 8-bit RGB picture as the bytes of a PNG: nothing is lost between aligning and embedding.
#pragma once

#include <cstddef>
#include <vector>

#include "dataservice/image.hpp"

namespace facetrain {

// Throws Error(kInternal) when libpng cannot.
std::vector<std::byte> encode_png(const Image& image);

}  // namespace facetrain
