// cv2.resize of 8-bit RGB, bit for bit (OpenCV 4 and 5 without IPP, which rounds cubic differently): the five
// interpolations that the reference draws from. Owns its scratch and its tables of past sizes: one per
// thread. Allocates nothing for sizes that it has seen.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataservice/augment/opencv_tables.hpp"
#include "dataservice/image.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

class OpenCvResize {
 public:
  explicit OpenCvResize(Instructions instructions = best_instructions())
      : instructions_(instructions), tables_(instructions) {}

  // Sets `target`, which is not `source`, to a width x height version of `source` (sizes >= 1).
  void resize(const Image& source, int width, int height, Interpolation interpolation, Image& target);

 private:
  struct alignas(64) Block {
    std::array<std::byte, 64> bytes;
  };

  void nearest(const Image& source, Image& target);
  void two_passes(const Image& source, Interpolation interpolation, bool averages, Image& target);

  Instructions instructions_;
  OpenCvTables tables_;
  std::vector<Block> sums_;               // a ring of rows between the passes
  std::vector<const std::byte*> window_;  // those that an output row is made of
  std::vector<std::uint8_t> spare_row_;   // the last rows are made here: passes write past a row
  std::vector<std::int64_t> scratch_;
};

}  // namespace facetrain
