// Time as an object that is passed, so that tests can say what time it is.
#pragma once

#include <chrono>

#include "common/watch/watch_clock.hpp"

namespace facetrain {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::system_clock::time_point now() const = 0;  // what a wall clock shows; may be set back
  virtual double seconds() const = 0;                             // never goes back; for durations
};

class SystemClock : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::now(); }
  double seconds() const override { return monotonic_seconds(); }
};

}  // namespace facetrain
