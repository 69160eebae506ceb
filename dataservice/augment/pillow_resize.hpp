// Pillow's antialiased bilinear resize of 8-bit RGB, bit for bit: torchvision's Resize on a Pillow image. Two
// passes of 22-bit fixed-point weights (columns, then rows), each rounded to 8 bits. Owns its scratch and
// tables: one per thread.
#pragma once

#include <cstdint>
#include <vector>

#include "dataservice/augment/byte_windows.hpp"
#include "dataservice/image.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

class PillowResize {
 public:
  explicit PillowResize(Instructions instructions = best_instructions()) : instructions_(instructions) {}

  // Makes `image` width x height (sizes >= 1). Free of cost where it is so already.
  void resize(Image& image, int width, int height);

 private:
  // Triangle filter over the source pixels that an output pixel covers.
  struct Taps {
    int source = 0, target = 0;         // the sizes it was made for
    int stride = 0;                     // weights per output pixel
    std::vector<std::int32_t> first;    // [target]: first source pixel
    std::vector<std::int32_t> count;    // [target]: how many
    std::vector<std::int32_t> weights;  // [target * stride], 1 is 2^22
  };
  static void prepare(Taps& taps, int source, int target);
  void prepare_windows();

  void change_width(Image& image, int width);
  void change_height(Image& image, int height);
  void resize_columns(const Image& source, int width, Image& target);
  void resize_rows(const Image& source, int height, Image& target);

  Instructions instructions_;
  ByteWindows windows_;  // AVX2: columns_ in the form that it reads
  Taps columns_, rows_;  // those of the last picture: a data set's pictures mostly have one size
  std::vector<std::int32_t> sums_;
  Image scratch_;
};

}  // namespace facetrain
