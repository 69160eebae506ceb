// A decoded picture: interleaved 8-bit RGB, rows without padding. Reused between pictures, so steady state
// allocates nothing. No row of an even width starts at a multiple of 16 (pixel_allocator.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataservice/pixel_allocator.hpp"

namespace facetrain {

struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t, PixelAllocator> pixels;  // height x width x 3

  // Leaves the pixels undefined.
  void resize(int new_width, int new_height) {
    width = new_width;
    height = new_height;
    pixels.resize(static_cast<std::size_t>(new_width) * static_cast<std::size_t>(new_height) * 3);
  }
  std::uint8_t* row(int y) {
    return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3;
  }
  const std::uint8_t* row(int y) const {
    return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3;
  }
};

}  // namespace facetrain
