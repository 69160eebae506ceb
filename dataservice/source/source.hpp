// The seam for where pictures come from: lists of files, folders, packed data sets, and views of those.
// A source is immutable once built and may be read by many threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/fnv.hpp"

namespace facetrain {

class Source {
 public:
  virtual ~Source() = default;

  virtual std::uint32_t size() const = 0;                 // samples
  virtual std::uint32_t classes() const = 0;              // identities
  virtual std::int64_t label(std::uint32_t i) const = 0;  // 0 .. classes - 1
  virtual std::string name(std::uint32_t i) const = 0;    // a path or key, for messages
  // The same for messages about storage that stalls: reads nothing of it, where name() may read.
  virtual std::string place(std::uint32_t i) const { return name(i); }
  // Tells sample i apart from another picture in its place, cheaply and wherever the data lie: its path, or
  // its place and size inside a pack. See digest.hpp.
  virtual std::uint64_t fingerprint(std::uint32_t i) const { return fnv1a_64(name(i)); }
  // Replaces `buffer` by the encoded bytes of sample i. Throws Error(kInput) when this sample
  // cannot be used, so that another may take its place; Error(kIo) when storage fails
  // (kind_of_read_failure()).
  virtual void read(std::uint32_t i, std::vector<std::byte>& buffer) const = 0;
  // Samples first .. first + count - 1 will be read soon: a packed source has the kernel fetch them in few
  // large reads. A hint, which changes no result; it may wait for the disk's queue.
  virtual void will_need(std::uint32_t /*first*/, std::uint32_t /*count*/) const {}
  // Samples will be read here and there and not one after the other: what a cold one takes from the disk is
  // then itself and not its neighbours. To be said before threads read; changes no result.
  virtual void read_at_random() {}
};

// Calls visit(first, count) for each run of consecutive numbers in number_of(first), number_of(first + 1),
// ...: a hint about a view's samples as hints about those of the source behind it.
template <class NumberOf, class Visit>
void for_each_run(std::uint32_t first, std::uint32_t count, const NumberOf& number_of, const Visit& visit) {
  for (std::uint32_t k = 0; k < count;) {
    const std::uint32_t begin = number_of(first + k);
    std::uint32_t length = 1;
    while (k + length < count && number_of(first + k + length) == begin + length) ++length;
    visit(begin, length);
    k += length;
  }
}

struct OpenedSource {
  std::unique_ptr<Source> source;
  std::vector<std::string> warnings;  // lines for the caller to log
};

}  // namespace facetrain
