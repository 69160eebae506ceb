// The last step from pixels to a row of the slot: flipped, normalised as torchvision's ToTensor and
// Normalize(mean, std) in float32 (.5, .5 unless the configuration says otherwise), in the trainer's dtype
// (halves rounded to nearest even), channels-last, erased. Each element is written once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/dtype.hpp"
#include "dataservice/augment/rectangle.hpp"
#include "dataservice/image.hpp"

namespace facetrain {

// float32 to IEEE half and to bfloat16, round to nearest even; finite values inside the type's range.
std::uint16_t to_f16(float value);
std::uint16_t to_bf16(float value);

class RowWriter {
 public:
  explicit RowWriter(Dtype dtype, double mean = 0.5, double std_deviation = 0.5);

  // row: height x width x 3 elements. `erased` lies inside the picture, in the coordinates of the written
  // (flipped) picture.
  void write(const Image& image, bool flip, const std::optional<Rectangle>& erased,
             std::span<std::byte> row) const;

 private:
  Dtype dtype_;
  // What each of the 256 values becomes, exactly: no arithmetic is left per pixel.
  std::array<float, 256> floats_;
  std::array<std::uint16_t, 256> halves_;
};

}  // namespace facetrain
