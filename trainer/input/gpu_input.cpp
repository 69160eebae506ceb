// Batches on the GPU: a thread takes filled slots, copies them on a stream of their own while the step before
// is computed, and gives each slot back when its copy has completed.
#include <ATen/ATen.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "common/error.hpp"
#include "trainer/cuda/batch_copy.hpp"
#include "trainer/input/batch_input.hpp"

namespace facetrain {
namespace {

// Copies from memory that is not registered are right, but slower: some containers refuse it.
std::optional<HostRegistration> pinned(std::span<std::byte> memory) {
  try {
    return std::optional<HostRegistration>(std::in_place, memory.data(), memory.size());
  } catch (const Error& error) {
    std::cerr << std::string("trainer: WARNING: batches are copied from pageable memory, slower: ") +
                     error.what() + "\n"
              << std::flush;
    return std::nullopt;
  }
}

constexpr std::size_t kBatchesAhead = 2;  // on the device, beside the one being computed

class GpuInput : public BatchInput {
 public:
  GpuInput(RingConsumer ring, at::Device device, std::uint64_t batches)
      : ring_(std::move(ring)),
        pinned_(pinned(ring_.memory())),
        copier_(device),
        thread_([this, batches] { run(batches); }) {}

  ~GpuInput() override { end_thread(); }

  InputBatch next() override {
    const auto begin = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ahead_.empty() || error_; });
    if (ahead_.empty()) std::rethrow_exception(error_);
    auto [batch, copy] = std::move(ahead_.front());
    ahead_.pop_front();
    lock.unlock();
    changed_.notify_all();
    batch.waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    batch.images = copy.tensors().front();  // work on the current stream waits for the copy
    return batch;
  }

  // Also before the last batch, when a run stops: the thread may wait for room or a batch that will not come.
  void finish() override {
    end_thread();
    ring_.goodbye();
  }

 private:
  void end_thread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    ring_.interrupt();
    if (thread_.joinable()) thread_.join();
  }

  void run(std::uint64_t batches) {
    try {
      for (std::uint64_t i = 0; i < batches && wait_for_room(); ++i) {
        const RingBatch filled = ring_.next();
        InputBatch batch;
        // Cloned first: the slot is page-locked itself, and would be handed on in place of a copy.
        batch.labels =
            at::from_blob(filled.labels.data(), {static_cast<std::int64_t>(filled.labels.size())}, at::kLong)
                .clone()
                .pin_memory();
        batch.ids.assign(filled.ids.begin(), filled.ids.end());
        batch.epoch = filled.epoch;
        batch.step = filled.step;
        batch.ready = filled.ready;
        batch.bad_pictures = filled.bad_pictures;
        SlotCopy copy = copier_.copy({images_in_place(filled, ring_.welcome().layout)});
        {
          const std::lock_guard lock(mutex_);
          ahead_.emplace_back(std::move(batch), copy);
        }
        changed_.notify_all();
        copy.wait_slot_free();
        ring_.release(filled.slot);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
      changed_.notify_all();
    }
  }

  bool wait_for_room() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || ahead_.size() < kBatchesAhead; });
    return !stopping_;
  }

  RingConsumer ring_;  // of the thread, until it has ended
  std::optional<HostRegistration> pinned_;
  SlotCopier copier_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<InputBatch, SlotCopy>> ahead_;
  std::exception_ptr error_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace

std::unique_ptr<BatchInput> make_gpu_input(RingConsumer ring, at::Device device, std::uint64_t batches) {
  return std::make_unique<GpuInput>(std::move(ring), device, batches);
}

}  // namespace facetrain
