// Which reads of training data are under way and for how long, so that storage which stalls is named. Workers
// mark their reads, one thread looks once a second.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

namespace facetrain {

class ReadWatch {
 public:
  static constexpr double kWarnAfter = 10;  // seconds

  // limit: seconds that a read may take; 0: any.
  explicit ReadWatch(double limit) : limit_(limit) {}

  // What one worker reads now.
  class Worker {
   public:
    void begin(std::uint32_t id, double now) {
      id_ = id;
      since_ = now;
    }
    void end() { since_ = 0; }

   private:
    friend class ReadWatch;
    std::atomic<std::uint32_t> id_{0};
    std::atomic<double> since_{0};  // 0: it does not read
    double seen_ = 0;               // the looking thread's own: the read that the next two are of
    double excused_ = 0;            // seconds in which nobody ran
    bool warned_ = false;
  };
  // The place of another worker; lives as long as this.
  Worker& add_worker();

  struct Stall {
    std::uint32_t id = 0;  // the sample
    double seconds = 0;    // so far
  };
  struct Findings {
    std::vector<Stall> slow;        // over kWarnAfter; each read once
    std::optional<Stall> too_long;  // over the limit; the longest
  };
  // now: seconds by the clock of begin() (monotonic_seconds()), above 0.
  Findings look(double now);

 private:
  double limit_;
  double looked_ = 0;
  std::mutex mutex_;
  std::deque<Worker> workers_;  // guarded by mutex_; a place never moves
};

}  // namespace facetrain
