// Many different pictures out of a few drawn ones, at a few microseconds each: drawing a face takes
// milliseconds.
#pragma once

#include <cstdint>

#include "dataservice/image.hpp"

namespace facetrain::bench {

// `face` mirrored or not, moved by up to 4 pixels, each channel brightened or darkened by up to 12 %, with
// noise of at most 2 of 255: all decided by `key`; two keys give two pictures. `out` is as large as `face`.
void vary(const Image& face, std::uint64_t key, Image& out);

}  // namespace facetrain::bench
