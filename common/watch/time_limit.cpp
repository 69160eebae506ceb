#include "common/watch/time_limit.hpp"

#include <sys/prctl.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "common/watch/watch_clock.hpp"

namespace facetrain {

TimeLimit::TimeLimit(Rule rule) : thread_([this, rule = std::move(rule)] { watch(rule); }) {}

TimeLimit::~TimeLimit() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void TimeLimit::watch(const Rule& rule) {
  prctl(PR_SET_NAME, "time limit");
  double began = monotonic_seconds(), looked = began;
  bool warned = false;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return is_over_; })) {
    const double now = monotonic_seconds();
    began += suspended(std::exchange(looked, now), now);
    const double taken = now - began;
    if (taken >= rule.warn_after && !std::exchange(warned, true) && rule.warn) rule.warn(std::lround(taken));
    if (rule.limit > 0 && taken > rule.limit) return rule.act(std::lround(taken));
  }
}

TimeLimit::Rule StorageRule::of(const std::string& what) const {
  const auto text = [what](long seconds) { return what + " has taken " + std::to_string(seconds) + " s"; };
  TimeLimit::Rule rule;
  rule.limit = give_up ? limit : 0;
  if (warn) rule.warn = [text, say = warn](long seconds) { say(text(seconds) + "; the storage stalls"); };
  rule.act = [text, act = give_up](long seconds) { act(text(seconds) + ", longer than limits.storage"); };
  return rule;
}

}  // namespace facetrain
