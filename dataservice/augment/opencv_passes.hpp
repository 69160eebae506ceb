// The two passes of OpenCV's resize, over single rows: along the row into sums, then across rows into pixels.
// The sums are of one type per filter whatever the instructions, so that passes of both kinds go together:
// linear 16-bit integers (each sum shifted down by 4), cubic and area floats, Lanczos 32-bit integers. (A
// weight of 1 is 2048 in all but area.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataservice/augment/opencv_tables.hpp"

namespace facetrain {

inline constexpr std::size_t kRowsTogether = 4;  // as many rows share the reading of a table
inline constexpr std::size_t kSpareValues =
    32;  // a row of sums, and of pixels, may be overwritten by so much

struct RowOfSums {
  const std::uint8_t* pixels;
  std::byte* sums;
};

// rows: 1 to kRowsTogether of them, of `width` pixels. scratch: for the portable pass.
using AlongRows = void (*)(const ColumnTable& table, std::span<const RowOfSums> rows, int width,
                           std::vector<std::int64_t>& scratch);
AlongRows portable_along(Filter filter);

// Output row y of `count` values from the rows of sums of its window.
using AcrossRows = void (*)(const RowTable& table, std::size_t y, std::span<const std::byte* const> sums,
                            std::size_t count, std::uint8_t* out);
AcrossRows portable_across(Filter filter);

// Of the filters that resize in two passes (nearest does not), each one's own pass.
template <class Pass>
Pass pass_of(Filter filter, Pass linear, Pass cubic, Pass lanczos4, Pass area) {
  switch (filter) {
    case Filter::kLinear:
      return linear;
    case Filter::kCubic:
      return cubic;
    case Filter::kLanczos4:
      return lanczos4;
    default:
      return area;
  }
}

#ifdef FACETRAIN_HAS_AVX2
AlongRows avx2_along(Filter filter);  // for tables whose windows fit
AcrossRows avx2_across(Filter filter);
void avx2_nearest(std::span<const NearestTable::Run> runs, const std::uint8_t* from, std::uint8_t* to);
#endif

}  // namespace facetrain
