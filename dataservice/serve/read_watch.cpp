#include "dataservice/serve/read_watch.hpp"

#include <algorithm>
#include <utility>

#include "common/watch/watch_clock.hpp"

namespace facetrain {

ReadWatch::Worker& ReadWatch::add_worker() {
  const std::lock_guard lock(mutex_);
  return workers_.emplace_back();
}

ReadWatch::Findings ReadWatch::look(double now) {
  const double before = std::exchange(looked_, now);
  const double gap = before > 0 ? suspended(before, now) : 0;
  Findings findings;
  const std::lock_guard lock(mutex_);
  for (Worker& worker : workers_) {
    const double since = worker.since_;
    if (since <= 0) continue;
    if (since != worker.seen_) {
      worker.seen_ = since;
      worker.excused_ = gap > 0 ? now - std::max(since, before) : 0;
      worker.warned_ = false;
    } else {
      worker.excused_ += gap;
    }
    const Stall stall{worker.id_, now - since - worker.excused_};
    if (limit_ > 0 && stall.seconds > limit_ &&
        (!findings.too_long || stall.seconds > findings.too_long->seconds))
      findings.too_long = stall;
    if (stall.seconds > kWarnAfter && !std::exchange(worker.warned_, true)) findings.slow.push_back(stall);
  }
  return findings;
}

}  // namespace facetrain
