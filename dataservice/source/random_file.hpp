// A file read at any place by any number of threads. It is read, not mapped: a file that shrinks or a disk
// that fails while a job runs is then an Error, not a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/ipc/fd.hpp"

namespace facetrain {

class RandomFile {
 public:
  explicit RandomFile(std::string path);  // throws Error(kInput) when it cannot be opened

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // bytes, when it was opened

  // Fills `bytes` from `offset` on. Throws Error(kInput) when the file ends before or cannot be read.
  void read(std::uint64_t offset, std::span<std::byte> bytes) const;

  // Throws Error(kInput): "PATH is damaged at byte OFFSET: WHY".
  [[noreturn]] void damaged(std::uint64_t offset, const std::string& why) const;

 private:
  std::string path_;
  Fd fd_;
  std::uint64_t size_ = 0;
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
