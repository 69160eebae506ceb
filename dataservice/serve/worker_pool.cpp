#include "dataservice/serve/worker_pool.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::uint32_t kRowsAtOnce = 4;  // about 0.5 ms of work between two looks at the queue

void fill_rows(RowFiller& filler, const BatchJob& job, std::uint32_t begin, std::uint32_t end) {
  const RingLayout& layout = job.layout;
  auto* labels = reinterpret_cast<std::int64_t*>(job.slot.data() + layout.labels_offset());
  auto* ids = reinterpret_cast<std::int64_t*>(job.slot.data() + layout.ids_offset());
  for (std::uint32_t row = begin; row < end; ++row) {
    const std::span<std::byte> pixels =
        job.slot.subspan(layout.images_offset() + layout.row_bytes() * row, layout.row_bytes());
    const RowFiller::Row filled =
        filler.fill(*job.order, job.epoch, job.shape.position(job.step, job.rank, row), pixels);
    labels[row] = filled.label;
    ids[row] = filled.id;
  }
}

}  // namespace

WorkerPool::WorkerPool(int threads, MakeFiller make_filler) {
  threads_.reserve(static_cast<std::size_t>(threads));
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this, make_filler] { work(make_filler); });
  } catch (const std::system_error& error) {
    join();
    throw Error(ErrorKind::kConfig, "cannot start decoding thread " + std::to_string(threads_.size() + 1) +
                                        " of " + std::to_string(threads) + " (" + error.what() +
                                        "): lower data.workers");
  }
}

WorkerPool::~WorkerPool() {
  join();
}

bool WorkerPool::stop(std::chrono::seconds most) {
  ask_to_stop();
  std::unique_lock lock(mutex_);
  return left_.wait_for(lock, most, [this] { return gone_ == threads_.size(); });
}

void WorkerPool::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
}

void WorkerPool::join() {
  ask_to_stop();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::submit(BatchJob job) {
  auto active = std::make_shared<Active>();
  active->rows_left = job.layout.batch;
  active->job = std::move(job);
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(active));
  }
  ready_.notify_all();
}

void WorkerPool::work(const MakeFiller& make_filler) {
  std::unique_ptr<RowFiller> filler;
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) {
      ++gone_;
      left_.notify_all();
      return;
    }
    const std::shared_ptr<Active> active = queue_.front();
    const std::uint32_t begin = active->next_row,
                        end = std::min(begin + kRowsAtOnce, active->job.layout.batch);
    active->next_row = end;
    if (end == active->job.layout.batch) queue_.pop_front();
    const bool failed_before = active->error != nullptr;
    lock.unlock();
    std::exception_ptr error;
    if (!failed_before) {
      try {
        if (!filler) filler = make_filler();
        fill_rows(*filler, active->job, begin, end);
      } catch (...) {
        error = std::current_exception();
      }
    }
    lock.lock();
    if (error && !active->error) active->error = error;
    active->rows_left -= end - begin;
    if (active->rows_left == 0) {
      lock.unlock();
      active->job.done(active->error);
      lock.lock();
    }
  }
}

}  // namespace facetrain
