// The clock of those who watch others, and the time in which a watcher itself did not run.
#pragma once

#include <chrono>

namespace facetrain {

// Seconds by a clock that never goes back.
inline double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A watcher looks once a second. One that comes more than so many seconds after its last look was itself
// suspended, perhaps what it watches with it.
inline constexpr double kLate = 3;

// The seconds between two looks in which nobody may have run; 0 where the second one came in time.
constexpr double suspended(double before, double now) {
  return now - before > kLate ? now - before : 0;
}

}  // namespace facetrain
