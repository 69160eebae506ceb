// A trainer's end of the ring: connects to its node's data service, maps the memory it is given, and hands
// out filled batches in place. One thread uses it.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "common/ipc/fd.hpp"
#include "common/ipc/messages.hpp"
#include "common/ipc/shared_memory.hpp"

namespace facetrain {

// A filled slot. The memory belongs to the reader until RingConsumer::release(slot).
struct RingBatch {
  std::uint32_t slot = 0;
  std::uint32_t epoch = 0;         // 0-based
  std::uint64_t step = 0;          // in the epoch, 0-based
  std::span<std::byte> images;     // (B, H, W, C) of layout.dtype
  std::span<std::int64_t> labels;  // (B)
  std::span<std::int64_t> ids;     // (B) index in the sorted list
  std::uint64_t bad_pictures = 0;  // replaced so far by this node's service
  std::uint32_t ready = 0;         // batches that stood ready when next() was called; 0: it had to wait
};

class RingConsumer {
 public:
  // Says hello and waits for the ring. Throws Error(kConfig) with the service's reason when it refuses,
  // Error(kInternal) when it is gone or of another build.
  RingConsumer(const std::string& socket_name, const Hello& hello, std::chrono::milliseconds timeout);

  const Welcome& welcome() const { return welcome_; }
  std::span<std::byte> memory() const { return memory_.bytes(); }

  // The next batch, in order. Blocks. Throws Error(kInternal) at the service's death, and when interrupted.
  RingBatch next();
  // Gives a slot back. Only after every copy out of it has completed.
  void release(std::uint32_t slot);
  // From another thread: next(), waiting or called later, throws at once. goodbye() can still be said.
  void interrupt();
  // All steps are done; the service may end.
  void goodbye();

 private:
  Fd socket_, interrupted_;  // the second can be read once interrupt() was called
  Welcome welcome_;
  Mapping memory_;
};

}  // namespace facetrain
