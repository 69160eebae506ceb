// Pixels to normalised elements with AVX2, by arithmetic instead of a table. Which arithmetic gives the
// table's values depends on mean and standard deviation, so it is tried on all 256 of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/dtype.hpp"

namespace facetrain {

// The numbers of float32's (value / 255 - mean) / deviation.
struct Normalisation {
  float mean, deviation;
  float inverse_deviation;  // 1 / deviation
  float scale, offset;      // value * scale + offset is about the same
};

// Reads `pixels` (8 at least) x 3 bytes and writes as many elements; `reversed`: the last pixel first.
struct RowKernel {
  using Function = void (*)(const std::uint8_t* source, int pixels, bool reversed, bool bgr,
                            const Normalisation& how, std::byte* out);
  static constexpr int kLeastPixels = 8;

  explicit operator bool() const { return function != nullptr; }

  Function function = nullptr;
  Normalisation how{};
};

// The fastest kernel that gives `table`'s bytes: 256 elements of `dtype`, what the values 0..255 become. None
// where no arithmetic does, or without AVX2 in the build. Only for a processor that has it.
RowKernel find_row_kernel(Dtype dtype, float mean, float deviation, std::span<const std::byte> table);

}  // namespace facetrain
