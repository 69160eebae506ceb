// The data set of the big run: a RecordIO file (record_source.hpp) of pictures that are all different.
#pragma once

#include <cstdint>
#include <string>

namespace facetrain::bench {

struct BigSet {
  std::string path;  // the .rec; its .idx is beside it
  std::uint32_t images = 0, identities = 0;
  std::uint64_t jpeg_bytes = 0;
  double seconds = 0;
};

// Picture k is of identity k / (images / identities): a face of a few thousand drawn ones, varied by k, as a
// JPEG of quality 90. All processors encode, one thread writes. Throws Error(kIo) when the disk has too
// little room (before anything is written) or fails, Error(kInternal) when two JPEGs have the same bytes.
BigSet write_big_set(const std::string& folder, std::uint32_t images, std::uint32_t identities);

}  // namespace facetrain::bench
