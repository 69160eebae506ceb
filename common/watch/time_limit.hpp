// Something that should not take long: says so when it does, and acts when it takes too long. A thread looks
// once a second; time in which the whole process was suspended does not count (watch_clock.hpp).
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace facetrain {

class TimeLimit {
 public:
  struct Rule {
    double warn_after = 10;  // seconds
    double limit = 300;      // seconds; 0: never
    std::function<void(long seconds)> warn, act;
  };

  // From now until this is destroyed. What the rule calls runs on the thread.
  explicit TimeLimit(Rule rule);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  void watch(const Rule& rule);

  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_over_ = false;  // guarded by mutex_
  std::thread thread_;
};

// limits.storage: a read or write of storage is warned of after ten seconds, and given up after so many.
struct StorageRule {
  double limit = 0;  // seconds; 0: never
  std::function<void(const std::string&)> warn, give_up;

  TimeLimit::Rule of(const std::string& what) const;  // what: "writing a/b"
};

}  // namespace facetrain
