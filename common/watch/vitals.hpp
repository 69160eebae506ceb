// What a process says of itself in its heartbeats. The working thread sets it, the watch thread reads it.
#pragma once

#include <atomic>
#include <cstdint>

namespace facetrain {

enum class Activity : std::int32_t {
  kStarting,    // until the first update is done
  kServing,     // a data service
  kWaiting,     // a trainer, for its next batch
  kTraining,    // inside an update
  kValidating,  // after an epoch
  kSaving,      // a checkpoint
  kEnding,      // done; the others may not be yet
};

struct Beat {
  Activity activity = Activity::kStarting;
  std::int32_t reserved = 0;
  std::int64_t done = 0;  // a trainer: updates of the run (an embedding job: batches); a data service:
                          // batches that it has handed over
  bool operator==(const Beat&) const = default;
};

class Vitals {
 public:
  // Waiting before the first update is still the start, which may take longer.
  void enter(Activity activity) {
    activity_ = activity == Activity::kWaiting && !updated_ ? Activity::kStarting : activity;
  }
  // A batch is there. Before the first update this is still the start, which may take longer.
  void compute() { activity_ = updated_ ? Activity::kTraining : Activity::kStarting; }
  void updated(std::int64_t updates) {
    done_ = updates;
    updated_ = true;
    activity_ = Activity::kTraining;
  }
  // A data service has handed a batch to one of its trainers.
  void handed_over() { ++done_; }
  Beat beat() const { return {activity_, 0, done_}; }

 private:
  std::atomic<Activity> activity_{Activity::kStarting};
  std::atomic<std::int64_t> done_{0};
  std::atomic<bool> updated_{false};
};

}  // namespace facetrain
