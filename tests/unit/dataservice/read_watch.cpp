// Reads that take long, by a clock that the test sets.
#include "dataservice/serve/read_watch.hpp"

#include <doctest/doctest.h>

using facetrain::ReadWatch;

TEST_CASE("a read is reported once after 10 s, and again as too long past the limit") {
  ReadWatch watch(30);
  ReadWatch::Worker &first = watch.add_worker(), &second = watch.add_worker();
  first.begin(7, 100);
  int slow = 0;
  for (double now = 100; now <= 130; now += 1) {
    second.begin(8, now - 0.5);  // busy, but not slow
    const auto found = watch.look(now);
    for (const auto& stall : found.slow) {
      CHECK(stall.id == 7);
      CHECK(stall.seconds == 11);
      ++slow;
    }
    CHECK(!found.too_long);
    second.end();
  }
  CHECK(slow == 1);
  const auto found = watch.look(131);
  REQUIRE(found.too_long);
  CHECK(found.too_long->id == 7);
  CHECK(found.too_long->seconds == 31);
  first.end();
  CHECK(!watch.look(132).too_long);
  first.begin(9, 132);
  CHECK(watch.look(133).slow.empty());
  for (double now = 134; now <= 142; now += 1) CHECK(watch.look(now).slow.empty());
  CHECK(watch.look(143).slow.size() == 1);  // another read, reported anew
}

TEST_CASE("time in which the watcher was suspended does not count, and limit 0 is none") {
  ReadWatch watch(30), patient(0);
  ReadWatch::Worker &worker = watch.add_worker(), &other = patient.add_worker();
  worker.begin(1, 100);
  other.begin(1, 100);
  for (double now = 100; now <= 105; now += 1) watch.look(now);
  CHECK(watch.look(1000).slow.empty());
  for (double now = 1001; now <= 1005; now += 1) CHECK(watch.look(now).slow.empty());
  CHECK(watch.look(1006).slow.size() == 1);
  patient.look(100);
  for (double now = 101; now <= 1000; now += 1) CHECK(!patient.look(now).too_long);
}
