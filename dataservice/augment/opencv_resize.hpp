// cv2.resize of 8-bit RGB, bit for bit (OpenCV 4 and 5 without IPP, which rounds cubic differently): the five
// interpolations that the reference draws from. Owns its scratch and its tables of past sizes: one per
// thread.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "dataservice/augment/opencv_taps.hpp"
#include "dataservice/image.hpp"

namespace facetrain {

class OpenCvResize {
 public:
  // Sets `target`, which is not `source`, to a width x height version of `source` (sizes >= 1).
  void resize(const Image& source, int width, int height, Interpolation interpolation, Image& target);

 private:
  static void nearest(const Image& source, Image& target);
  void average_blocks(const Image& source, int scale_x, int scale_y, Image& target);
  void average_area(const Image& source, Image& target);
  void convolve(const Image& source, Interpolation interpolation, Image& target);

  const FixedTaps& fixed_taps(int source, int target, Interpolation interpolation, Axis axis);
  const AreaTaps& area_taps(int source, int target);
  void limit_tables();

  std::unordered_map<std::uint64_t, FixedTaps> fixed_;
  std::unordered_map<std::uint64_t, AreaTaps> area_;
  std::vector<std::int64_t> padded_;  // a source row, a word per pixel, its border repeated on both sides
  std::vector<std::int32_t> rows_;    // kMaxTaps resized rows, before their weighted sum
  std::vector<float> sums_;           // area: the row being resized, and the sum of such rows
};

}  // namespace facetrain
