// The threads that fill batches. Several threads share a batch (so the first one is ready soon), batches are
// begun in the order in which they were submitted.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "common/ipc/ring_layout.hpp"
#include "common/plan/sample_plan.hpp"
#include "dataservice/serve/row_filler.hpp"

namespace facetrain {

// One batch to fill into one slot.
struct BatchJob {
  std::shared_ptr<const EpochOrder> order;
  PlanShape shape;
  std::uint32_t epoch = 0;
  std::uint64_t step = 0;
  std::uint32_t rank = 0;  // trainer rank
  RingLayout layout;
  std::span<std::byte> slot;  // layout.slot_bytes() of shared memory
  std::function<void(std::exception_ptr)>
      done;  // called once, on a worker; with the first error when filling failed
};

class WorkerPool {
 public:
  using MakeFiller = std::function<std::unique_ptr<RowFiller>()>;  // called once on each worker thread

  // Throws Error(kConfig) when the system does not give so many threads.
  WorkerPool(int threads, MakeFiller make_filler);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();  // finishes no batch: the rows being filled end, the rest is dropped

  void submit(BatchJob job);
  // As the destructor, but waits no longer than this for the rows being filled. False: a thread is not done
  // with its row, since its read hangs, and the destructor would wait on.
  [[nodiscard]] bool stop(std::chrono::seconds most);

 private:
  struct Active {
    BatchJob job;
    std::uint32_t next_row = 0;
    std::uint32_t rows_left = 0;
    std::exception_ptr error;
  };
  void work(const MakeFiller& make_filler);
  void ask_to_stop();
  void join();

  std::mutex mutex_;
  std::condition_variable ready_, left_;
  std::deque<std::shared_ptr<Active>> queue_;
  bool stopping_ = false;
  std::size_t gone_ = 0;  // threads that have left
  std::vector<std::thread> threads_;
};

}  // namespace facetrain
