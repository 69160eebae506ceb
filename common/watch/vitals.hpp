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
  std::int64_t updates = 0;  // done by the run (an embedding job: batches)
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
    updates_ = updates;
    updated_ = true;
    activity_ = Activity::kTraining;
  }
  Beat beat() const { return {activity_, 0, updates_}; }

 private:
  std::atomic<Activity> activity_{Activity::kStarting};
  std::atomic<std::int64_t> updates_{0};
  std::atomic<bool> updated_{false};
};

}  // namespace facetrain
