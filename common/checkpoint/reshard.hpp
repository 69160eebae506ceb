// Which rows of which ranks' files a rank reads of a matrix over all classes that another number of ranks
// wrote.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/plan/class_shard.hpp"

namespace facetrain {

struct RowRange {
  int file = 0;            // the rank that wrote the rows
  std::int64_t first = 0;  // row in that rank's part
  std::int64_t count = 0;  // at least 1
  std::int64_t place = 0;  // row in the reader's part
};

// The rows of `mine` of a matrix that `world` ranks wrote, each class_shard(classes, rank, world) of it.
inline std::vector<RowRange> rows_to_read(std::int64_t classes, int world, const ClassShard& mine) {
  std::vector<RowRange> ranges;
  for (int rank = 0; rank < world; ++rank) {
    const ClassShard theirs = class_shard(classes, rank, world);
    const std::int64_t begin = std::max(theirs.first, mine.first);
    const std::int64_t end = std::min(theirs.first + theirs.count, mine.first + mine.count);
    if (begin < end) ranges.push_back({rank, begin - theirs.first, end - begin, begin - mine.first});
  }
  return ranges;
}

}  // namespace facetrain
