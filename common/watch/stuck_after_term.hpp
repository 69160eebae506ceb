// Whether a trainer that a TERM asked to stop will ever come to it. Under srun a TERM asks for a checkpoint;
// but srun -K1 sends the same TERM when a process has died, and then the others would wait for that one until
// the KILL, KillWait (30 s) later. Pure: the caller brings the clock.
#pragma once

#include <algorithm>

#include "common/watch/vitals.hpp"
#include "common/watch/watch_clock.hpp"

namespace facetrain {

class StuckAfterTerm {
 public:
  // now: seconds; called at least once a second. True once a TERM has come and then no update for patience():
  // validation, saving and the end may take their time, and time in which the process was suspended does not
  // count.
  bool look(bool term_has_come, const Beat& beat, double now) {
    if (looked_ < 0) looked_ = updated_ = moved_ = now;
    const double gap = suspended(looked_, now);
    looked_ = now;
    updated_ += gap;
    moved_ += gap;
    const bool updates = beat.activity == Activity::kWaiting || beat.activity == Activity::kTraining;
    if (!updates || !(last_.done == beat.done))
      updated_ = now;
    else
      longest_ = std::max(longest_, now - updated_);
    const bool may_stand = !updates && beat.activity != Activity::kStarting;
    if (!term_has_come || may_stand || !(beat == last_)) moved_ = now;
    last_ = beat;
    return now - moved_ > patience_at(term_has_come);
  }

  // Seconds: twice the longest update before the TERM, at least 10, and at most 25, before the KILL.
  double patience() const { return patience_; }

 private:
  double patience_at(bool term_has_come) {
    if (!term_has_come) patience_ = std::clamp(2 * longest_, 10.0, 25.0);
    return patience_;
  }

  Beat last_;
  double looked_ = -1, updated_ = 0, moved_ = 0;
  double longest_ = 0;  // between two updates
  double patience_ = 10;
};

}  // namespace facetrain
