// What the id of a ring row says when no picture stands in the row. Training batches have none of these: a
// place always has a picture, if need be another one.
#pragma once

#include <cstdint>

namespace facetrain {

// Past the end of a sequential plan: the row only fills up the last batch.
inline constexpr std::int64_t kPaddingRow = -1;

// Sample `id` could not be read or decoded (embedding jobs, which take no stand-in).
constexpr std::int64_t unusable_row(std::uint32_t id) {
  return -2 - static_cast<std::int64_t>(id);
}
constexpr bool is_unusable_row(std::int64_t id) {
  return id <= -2;
}

}  // namespace facetrain
