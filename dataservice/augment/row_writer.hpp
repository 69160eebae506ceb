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
#include "dataservice/augment/row_kernel_avx2.hpp"
#include "dataservice/image.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

// float32 to IEEE half and to bfloat16, round to nearest even; finite values inside the type's range.
std::uint16_t to_f16(float value);
std::uint16_t to_bf16(float value);

// How pixels become numbers: data.pixel_mean, pixel_std and bgr.
struct PixelValues {
  double mean = 0.5;
  double std_deviation = 0.5;
  bool bgr = false;  // blue first
};

class RowWriter {
 public:
  explicit RowWriter(Dtype dtype, const PixelValues& values = {},
                     Instructions instructions = best_instructions());

  // row: height x width x 3 elements. `erased` lies inside the picture, in the coordinates of the written
  // (flipped) picture.
  void write(const Image& image, bool flip, const std::optional<Rectangle>& erased,
             std::span<std::byte> row) const;

 private:
  template <typename Element>
  void write_all(const Image& image, bool flip, const std::optional<Rectangle>& erased,
                 const std::array<Element, 256>& table, std::byte* out) const;
  template <typename Element>
  void write_pixels(const std::uint8_t* line, int width, bool flip, int from, int to,
                    const std::array<Element, 256>& table, std::byte* out) const;

  Dtype dtype_;
  bool bgr_;
  // What each of the 256 values becomes, exactly.
  std::array<float, 256> floats_;
  std::array<std::uint16_t, 256> halves_;
  // Arithmetic with the tables' very values, where there is one.
  RowKernel kernel_;
};

}  // namespace facetrain
