#include "dataservice/serve/read_ahead.hpp"

#include <algorithm>

#include "common/plan/chunked_plan.hpp"

namespace facetrain {
namespace {

// Places that are asked for at once, at least: each time all shards are gone through (samples_at), so with
// small shards one at a time would never be done.
constexpr std::uint64_t kTogether = 2048;

}  // namespace

std::uint64_t places_ahead(std::uint64_t taken, std::uint64_t share, std::uint64_t window) {
  const std::uint64_t begin = taken / window * window;
  return std::min(begin + window, share) + (taken - begin);
}

ReadAhead::ReadAhead(const PlanShape& shape, std::uint32_t epochs, std::uint32_t node, const Source& source)
    : shape_(shape), epochs_(epochs), node_(node), source_(source), share_(node_share(shape, node).count) {
  for (std::uint32_t rank = 0; rank < shape.world; ++rank)
    if (node_of_rank(shape, rank) == node) per_step_ += shape.batch;
  thread_ = std::thread([this] { work(); });
}

ReadAhead::~ReadAhead() {
  ask_to_stop();
  thread_.join();
}

bool ReadAhead::stop(std::chrono::seconds most) {
  ask_to_stop();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, most, [this] { return gone_; });
}

void ReadAhead::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void ReadAhead::reached(std::uint32_t epoch, std::uint64_t step) {
  const std::uint64_t taken = std::min(step * per_step_, share_), before = epoch * share_;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    const std::uint64_t wanted =
        std::min(before + places_ahead(taken, share_, shape_.window), epochs_ * share_);
    if (wanted <= wanted_) return;
    wanted_ = wanted;
    fetched_ = std::max(fetched_, before + taken / shape_.window * shape_.window);  // a run that goes on
  }
  changed_.notify_one();
}

void ReadAhead::work() {
  try {
    fetch_until_stopped();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  gone_ = true;
  changed_.notify_all();
}

void ReadAhead::fetch_until_stopped() {
  std::uint64_t shuffled = ~std::uint64_t{0};  // the epoch that `shards` is of
  std::vector<std::uint32_t> shards;
  while (true) {
    std::uint64_t epoch = 0, place = 0, count = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || fetched_ < wanted_; });
      if (stopping_) return;
      epoch = fetched_ / share_;
      place = fetched_ % share_;
      count =
          std::min({wanted_ - fetched_, share_ - place, std::max<std::uint64_t>(shape_.shard, kTogether)});
      fetched_ += count;
    }
    if (epoch != shuffled) {
      shards = shuffled_shards(shape_, static_cast<std::uint32_t>(epoch));
      shuffled = epoch;
    }
    const SampleRange places{node_share(shape_, node_).first + place, count};
    for (const SampleRange& range : samples_at(shape_, shards, places))
      source_.will_need(static_cast<std::uint32_t>(range.first), static_cast<std::uint32_t>(range.count));
  }
}

}  // namespace facetrain
