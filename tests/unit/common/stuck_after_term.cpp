// When a trainer that a TERM asked to stop leaves without a checkpoint, because it gets no further.
#include "common/watch/stuck_after_term.hpp"

#include <doctest/doctest.h>

using namespace facetrain;

namespace {

// A trainer looked at four times a second.
struct Trainer {
  StuckAfterTerm stuck;
  Beat beat{Activity::kTraining, 0, 7};
  double now = 100;

  // Whether it leaves within so many seconds, in which it makes an update every `update` seconds; 0: none.
  bool leaves_within(double time, bool term, double update = 0) {
    double made = now;
    for (const double end = now + time; now < end; now += 0.25) {
      if (update > 0 && now - made >= update) {
        ++beat.done;
        made = now;
      }
      if (stuck.look(term, beat, now)) return true;
    }
    return false;
  }
};

}  // namespace

TEST_CASE("without a TERM nobody leaves, however long an update takes") {
  Trainer trainer;
  CHECK(!trainer.leaves_within(1000, false));
}

TEST_CASE("after a TERM a trainer that stands leaves after 10 s, one that trains does not") {
  Trainer quick;
  CHECK(!quick.leaves_within(60, false, 0.5));
  CHECK(!quick.leaves_within(60, true, 0.5));
  CHECK(!quick.leaves_within(9, true));
  CHECK(quick.leaves_within(3, true));

  Trainer starting;
  starting.beat = {Activity::kStarting, 0, 0};
  CHECK(!starting.leaves_within(9, true));
  CHECK(starting.leaves_within(3, true));
}

TEST_CASE("long updates are waited for twice as long, but not until the KILL") {
  Trainer slow;
  CHECK(!slow.leaves_within(60, false, 8));
  CHECK(!slow.leaves_within(15, true));
  CHECK(slow.leaves_within(3, true));
  CHECK(slow.stuck.patience() == doctest::Approx(16).epsilon(0.05));

  Trainer slowest;
  CHECK(!slowest.leaves_within(300, false, 60));
  CHECK(!slowest.leaves_within(24, true));
  CHECK(slowest.leaves_within(2, true));
}

TEST_CASE("validating, saving and ending may take their time; it starts anew after them") {
  Trainer trainer;
  CHECK(!trainer.leaves_within(10, false, 0.5));
  for (const Activity activity : {Activity::kValidating, Activity::kSaving, Activity::kEnding}) {
    trainer.beat.activity = activity;
    CHECK(!trainer.leaves_within(100, true));
  }
  trainer.beat.activity = Activity::kTraining;
  CHECK(!trainer.leaves_within(9, true));
  CHECK(trainer.leaves_within(3, true));
}

TEST_CASE("time in which it was suspended does not count") {
  Trainer trainer;
  CHECK(!trainer.leaves_within(10, false, 0.5));
  CHECK(!trainer.leaves_within(5, true));
  trainer.now += 3600;
  CHECK(!trainer.leaves_within(4, true));
  CHECK(trainer.leaves_within(3, true));
}
