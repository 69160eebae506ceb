// The seam for where pictures come from: lists of files, folders, packed data sets, and views of those.
// A source is immutable once built and may be read by many threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace facetrain {

class Source {
 public:
  virtual ~Source() = default;

  virtual std::uint32_t size() const = 0;                 // samples
  virtual std::uint32_t classes() const = 0;              // identities
  virtual std::int64_t label(std::uint32_t i) const = 0;  // 0 .. classes - 1
  virtual std::string name(std::uint32_t i) const = 0;    // a path or key, for messages
  // Replaces `buffer` by the encoded bytes of sample i. Throws Error(kInput) when they cannot be read.
  virtual void read(std::uint32_t i, std::vector<std::byte>& buffer) const = 0;
};

struct OpenedSource {
  std::unique_ptr<Source> source;
  std::vector<std::string> warnings;  // lines for the caller to log
};

}  // namespace facetrain
