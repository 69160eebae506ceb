#include "dataservice/serve/read_ahead.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "common/error.hpp"
#include "common/plan/chunked_plan.hpp"
#include "dataservice/source/selected_source.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

// Samples that nobody reads.
class Unread : public Source {
 public:
  explicit Unread(std::uint32_t size) : size_(size) {}
  std::uint32_t size() const override { return size_; }
  std::uint32_t classes() const override { return 1; }
  std::int64_t label(std::uint32_t) const override { return 0; }
  std::string name(std::uint32_t) const override { return ""; }
  void read(std::uint32_t, std::vector<std::byte>&) const override {}

 private:
  std::uint32_t size_;
};

// Notes what it is asked for.
class Notes final : public Unread {
 public:
  using Unread::Unread;
  void will_need(std::uint32_t first, std::uint32_t count) const override {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t k = 0; k < count; ++k) asked_.push_back(first + k);
    ++pieces_;
    changed_.notify_all();
  }
  // The samples asked for, once these are `count` or a second has gone.
  std::vector<std::uint32_t> asked(std::size_t count) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(1), [&] { return asked_.size() >= count; });
    return asked_;
  }
  int pieces() const {
    const std::lock_guard lock(mutex_);
    return pieces_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable std::vector<std::uint32_t> asked_;
  mutable int pieces_ = 0;
};

TEST_CASE("read-ahead: this window, and of the next as much as is taken of this one") {
  CHECK(places_ahead(0, 100, 20) == 20);
  CHECK(places_ahead(5, 100, 20) == 25);
  CHECK(places_ahead(19, 100, 20) == 39);
  CHECK(places_ahead(20, 100, 20) == 40);
  CHECK(places_ahead(85, 100, 20) == 105);  // 5 of the next epoch
  CHECK(places_ahead(0, 10, 20) == 10);
  CHECK(places_ahead(7, 10, 20) == 17);
}

TEST_CASE(
    "a node's shards are asked for in its order, each sample once, before they are taken, over epochs") {
  const PlanShape shape{.samples = 103,
                        .world = 4,
                        .batch = 5,
                        .strategy = Strategy::kChunked,
                        .nodes = 2,
                        .shard = 8,
                        .window = 20};
  const SampleRange share = node_share(shape, 1);
  std::vector<std::uint32_t> line;
  for (std::uint32_t epoch = 0; epoch < 2; ++epoch)
    for (const SampleRange& range : samples_at(shape, shuffled_shards(shape, epoch), share))
      for (std::uint64_t k = 0; k < range.count; ++k)
        line.push_back(static_cast<std::uint32_t>(range.first + k));
  const Notes source(103);
  {
    ReadAhead ahead(shape, 2, 1, source);
    ahead.reached(0, 0);
    CHECK(source.asked(20) == std::vector<std::uint32_t>(line.begin(), line.begin() + 20));
    ahead.reached(0, 1);  // 10 taken
    ahead.reached(0, 0);  // the other trainer is behind
    CHECK(source.asked(30) == std::vector<std::uint32_t>(line.begin(), line.begin() + 30));
    for (std::uint32_t epoch = 0; epoch < 2; ++epoch)
      for (std::uint64_t step = 0; step < shape.steps_per_epoch(); ++step) {
        ahead.reached(epoch, step);
        const std::uint64_t places = epoch * share.count + places_ahead(10 * step, share.count, 20);
        CHECK(source.asked(places).size() == std::max<std::uint64_t>(places, 30));
      }
    CHECK(source.asked(line.size()) == line);
    CHECK(source.pieces() < 40);
  }
  const Notes late(103);
  ReadAhead ahead(shape, 2, 1, late);
  ahead.reached(1, 2);  // a run that goes on begins with the window it is in
  const auto from = line.begin() + static_cast<std::ptrdiff_t>(share.count) + 20;
  CHECK(late.asked(20) == std::vector<std::uint32_t>(from, from + 20));
}

TEST_CASE("what ends the read-ahead's thread is thrown where the next batch is ordered") {
  class Fails final : public Unread {
   public:
    using Unread::Unread;
    void will_need(std::uint32_t, std::uint32_t) const override {
      throw Error(ErrorKind::kIo, "no such disk");
    }
  };
  const Fails source(103);
  const PlanShape shape{.samples = 103, .batch = 5, .strategy = Strategy::kChunked, .shard = 8, .window = 20};
  ReadAhead ahead(shape, 1, 0, source);
  std::string error;
  for (int k = 0; k < 2000 && error.empty(); ++k) {
    error = test::error_of<Error>([&] { ahead.reached(0, 0); });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(error == "no such disk");
}

TEST_CASE("the read-ahead is stopped without a hint that hangs, for as long as it does") {
  struct Hangs final : Unread {
    using Unread::Unread;
    void will_need(std::uint32_t, std::uint32_t) const override {
      if (!begun.exchange(true)) begins.set_value();
      ends.wait();
    }
    mutable std::atomic<bool> begun{false};
    mutable std::promise<void> begins, end;
    std::shared_future<void> ends = end.get_future().share();
  };
  const Hangs source(103);
  const PlanShape shape{.samples = 103, .batch = 5, .strategy = Strategy::kChunked, .shard = 8, .window = 20};
  ReadAhead ahead(shape, 1, 0, source);
  ahead.reached(0, 0);
  source.begins.get_future().wait();
  CHECK_FALSE(ahead.stop(std::chrono::seconds(1)));
  source.end.set_value();
  CHECK(ahead.stop(std::chrono::seconds(60)));
}

TEST_CASE("a view passes a hint on, as runs of the samples behind it") {
  auto notes = std::make_unique<Notes>(100);
  const Notes& behind = *notes;
  const SelectedSource view(std::move(notes), {3, 4, 5, 50, 9, 10, 11, 12}, {}, 1);
  view.will_need(1, 6);
  CHECK(behind.asked(6) == std::vector<std::uint32_t>{4, 5, 50, 9, 10, 11});
  CHECK(behind.pieces() == 3);
}

}  // namespace
}  // namespace facetrain
