// The two halves of memory shared between processes: a sealed memfd (a file without a name: nothing is left
// in /dev/shm when its owners die) and a mapping of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/ipc/fd.hpp"

namespace facetrain {

// A memfd of `bytes` zero bytes that can neither shrink nor grow any more, so no reader can meet SIGBUS.
// Throws Error(kInternal) when the kernel refuses.
Fd create_sealed_memfd(const char* name, std::uint64_t bytes);

// A read-write mapping of a whole file, shared with every other process that maps it.
class Mapping {
 public:
  Mapping() = default;
  // Throws Error(kInternal); also when the file is not exactly `bytes` long or can still shrink.
  Mapping(const Fd& memfd, std::uint64_t bytes);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::span<std::byte> bytes() const { return {data_, size_}; }
  // Has the kernel allocate every page now: the first touch of shared pages is slow (0.23 GB/s) and would
  // fall into training.
  void prefault();

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace facetrain
