// The pictures that could not be used: counted once each, listed in bad_images.txt, and the end of the job
// when there are too many. Shared by the workers of a service.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>

#include "common/error.hpp"

namespace facetrain {

class BadPictures {
 public:
  // list_path: the file that takes one line "path<TAB>reason" per bad picture; created at the first one;
  // that of an earlier run is removed now (only a regular file is), unless this run goes on from it: then it
  // gets those that are not in it yet. allowed: so many bad pictures, counted from this start, do not end the
  // job; limit(n) for training on n samples.
  BadPictures(std::string list_path, std::uint64_t allowed, bool goes_on = false);

  // Notes sample `id`. Throws Error(kInput) with the first paths and reasons when it is one too many.
  void add(std::uint32_t id, const std::string& path, const std::string& reason);
  std::uint64_t count() const;
  // max(10, 0.1 %).
  static std::uint64_t limit(std::uint64_t samples) { return samples / 1000 > 10 ? samples / 1000 : 10; }

 private:
  Error too_many() const;

  std::string list_path_;
  std::uint64_t limit_;
  mutable std::mutex mutex_;
  std::unordered_set<std::uint32_t> ids_;
  std::unordered_set<std::string> listed_;  // of the run that goes on, its lines
  std::string first_;                       // the first few, for the message
};

}  // namespace facetrain
