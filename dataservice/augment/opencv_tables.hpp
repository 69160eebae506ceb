// What the passes of OpenCV's resize read, made once for each pair of sizes: per axis, which source pixels or
// rows an output takes, with which weights, in the form the chosen instructions want.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "dataservice/augment/byte_windows.hpp"
#include "dataservice/augment/opencv_taps.hpp"
#include "dataservice/instructions.hpp"

namespace facetrain {

// The arithmetic of a resize with two passes. kLinear is also OpenCV's area interpolation when it enlarges.
enum class Filter : std::uint8_t { kLinear, kCubic, kLanczos4, kArea };

// Along rows. AVX2 reads the windows where they fit, and then the taps are left out.
struct ColumnTable {
  FixedTaps fixed;  // all but kArea
  AreaTaps area;    // kArea
  ByteWindows windows;
};

// Across rows: output row y is the weighted sum of the rows needed[window[i]], i = begin[y] .. begin[y + 1]
// - 1.
struct RowTable {
  std::vector<std::int32_t> needed;  // source rows, ascending
  std::vector<std::int32_t> begin;   // [height + 1]
  std::vector<std::int32_t> window;  // ascending within an output row, and from one to the next
  std::vector<std::int16_t> fixed;   // a weight for each entry of `window`; all but kArea
  std::vector<float> area;           // the same for kArea
  std::size_t most = 0;              // the longest window
};

// kNearest, either axis: which source pixel each output pixel is a copy of; and along rows, for AVX2, the
// copies in runs of whole pixels that one 16-byte load holds.
struct NearestTable {
  struct Run {
    std::int32_t from, to;  // first byte of the load and of the store
    std::array<std::uint8_t, 16> shuffle;
  };
  std::vector<std::int32_t> source;  // [target]
  std::vector<Run> runs;             // empty where a source row is shorter than a load
};

// All tables so far. Bounded: pictures of many sizes do not make it grow for ever. One per thread.
class OpenCvTables {
 public:
  explicit OpenCvTables(Instructions instructions) : instructions_(instructions) {}

  // `interpolation` is not kNearest. averages: OpenCV's true area averaging (kArea, shrinking). References
  // stay valid until limit() is called.
  const ColumnTable& columns(int source, int target, Interpolation interpolation, bool averages);
  const RowTable& rows(int source, int target, Interpolation interpolation, bool averages);

  const NearestTable& nearest(int source, int target);

  // Forgets all tables when they have become many.
  void limit();

 private:
  template <class Table, class Build>
  const Table& known_or_built(std::unordered_map<std::uint64_t, Table>& tables, std::uint64_t key,
                              const Build& build);

  Instructions instructions_;
  std::unordered_map<std::uint64_t, NearestTable> nearest_;
  std::unordered_map<std::uint64_t, ColumnTable> columns_;
  std::unordered_map<std::uint64_t, RowTable> rows_;
  std::size_t bytes_ = 0;
};

}  // namespace facetrain
