// Has the kernel fetch, in large sequential reads, what a node's trainers will take next under the plan's
// strategy "chunked". One thread, since the hint may wait for the disk's queue; it holds no picture, the page
// cache does: at most two windows of them, and the kernel drops the older ones when memory is short.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "common/plan/sample_plan.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

// How many places of its share a node that has taken `taken` of them should have fetched: all of the window
// that it is in, and as much of the next as it has taken of this one. More than `share`: that much of the
// next epoch's share.
std::uint64_t places_ahead(std::uint64_t taken, std::uint64_t share, std::uint64_t window);

class ReadAhead {
 public:
  // shape: of strategy chunked; node: this node's number. The source must outlive this.
  ReadAhead(const PlanShape& shape, std::uint32_t epochs, std::uint32_t node, const Source& source);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead();  // after what is being asked for

  // A trainer of the node will get the batch of this step next. Waits for nothing. Throws what ended the
  // thread, if something did.
  void reached(std::uint32_t epoch, std::uint64_t step);
  // As the destructor, but waits no longer than this. False: a hint hangs, and the destructor would wait on.
  [[nodiscard]] bool stop(std::chrono::seconds most);

 private:
  void ask_to_stop();
  void work();
  void fetch_until_stopped();

  const PlanShape shape_;
  const std::uint32_t epochs_, node_;
  const Source& source_;
  std::uint64_t share_ = 0;     // places an epoch
  std::uint64_t per_step_ = 0;  // of them

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t fetched_ = 0, wanted_ = 0;  // places, counted over all epochs
  bool stopping_ = false, gone_ = false;
  std::exception_ptr failure_;  // of the thread
  std::thread thread_;          // last: it uses the rest
};

}  // namespace facetrain
