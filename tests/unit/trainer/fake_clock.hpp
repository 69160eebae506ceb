// A clock that a test sets.
#pragma once

#include "trainer/log/clock.hpp"

namespace facetrain {

struct FakeClock : Clock {
  std::chrono::system_clock::time_point wall{
      std::chrono::milliseconds(1735732800123)};  // 2025-01-01 12:00:00.123 UTC
  double elapsed = 1000;

  std::chrono::system_clock::time_point now() const override { return wall; }
  double seconds() const override { return elapsed; }
};

}  // namespace facetrain
