// A file read at any place by any number of threads. It is mapped: a picture of 5 KB in the page cache costs
// 0.9 us then, where pread costs 2.6 us and opening the file each time 4.9 us (this is why a packed set is
// fast), and a mapping needs no file descriptor, of which a set of many tar shards would need too many.
//
// A file that shrinks or a disk that fails while a job runs is an Error all the same, not a signal: every
// access is a copy (mapped_copy.hpp) that turns SIGBUS into one. That is also why nobody gets a view of the
// mapped bytes: reading through it could not be caught. (A file cut inside a page reads as zeros up to the
// page's end; what follows is an Error.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/io/file.hpp"

namespace facetrain {

struct FilePart {
  std::uint64_t offset = 0, size = 0;  // bytes
};

class RandomFile {
 public:
  explicit RandomFile(std::string path);  // throws as MappedFile does

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return file_.bytes().size(); }  // bytes, when it was opened

  // From now on reads are here and there: a cold one takes the pages that it touches from the disk, where the
  // kernel would fetch its read-ahead window (128 KB and more) around them. Not while other threads read.
  void read_at_random();
  // These bytes are read next: has them fetched in one request, if reads are here and there (without it page
  // by page).
  void expect(std::uint64_t offset, std::uint64_t bytes) const noexcept;

  // Has the processor fetch these bytes into its cache, those of them that are in memory. A hint.
  void prefetch(std::uint64_t offset, std::uint64_t bytes) const noexcept;

  // Fills `bytes` from `offset` on. Throws Error(kInput) when the file ends before, Error(kIo) when
  // its disk or server fails.
  void read(std::uint64_t offset, std::span<std::byte> bytes) const;

  // Has the kernel begin to fetch these bytes into the page cache and does not wait for them (but perhaps for
  // a place in the disk's queue). A hint: what is out of range or fails changes nothing.
  void will_need(std::uint64_t offset, std::uint64_t bytes) const noexcept;
  // The same for many parts; those that overlap or lie close together are asked for as one.
  void will_need(std::vector<FilePart> parts) const;

  // Throws Error(kInput): "PATH is damaged at byte OFFSET: WHY".
  [[noreturn]] void damaged(std::uint64_t offset, const std::string& why) const;

 private:
  std::string path_;
  MappedFile file_;
  bool at_random_ = false;
};

// A little-endian number of type T at bytes[at], which must be there.
template <class T>
T little_endian(std::span<const std::byte> bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | static_cast<std::uint8_t>(bytes[at + i]));
  return value;
}

}  // namespace facetrain
