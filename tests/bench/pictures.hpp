// The pictures that the benchmarks read: 112 x 112 JPEGs of people who do not exist (dataservice/synth), all
// different, together more bytes than the processor's last cache, so that none comes from it by accident.
// Drawn once by all processors, then kept in a file that later runs and other programs read:
//   8 bytes "FTPICS01", u64 count, count u64 sizes, the JPEGs one after the other; little endian.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/io/file.hpp"

namespace facetrain::bench {

enum class Quality {
  k90,  // quality 90, 4:2:0
  k95,  // quality 95, 4:4:4
};
std::string name_of(Quality quality);  // "q90_420", "q95_444"

class Pictures {
 public:
  // Takes the file of an earlier run, or draws and writes it. Throws Error(kIo) when it cannot be written,
  // Error(kInput) when it is damaged.
  explicit Pictures(Quality quality, const std::string& folder = pictures_folder());

  std::span<const std::span<const std::byte>> all() const { return pictures_; }
  const std::string& file() const { return path_; }

  // $FACETRAIN_BENCH_DIR, else facetrain-bench in the folder for temporary files.
  static std::string pictures_folder();

 private:
  std::string path_;
  MappedFile bytes_;
  std::vector<std::span<const std::byte>> pictures_;
};

}  // namespace facetrain::bench
