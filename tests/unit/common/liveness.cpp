// Whom the watcher names, by a clock that the test sets.
#include "common/watch/liveness.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace facetrain;

namespace {

// A service and two trainers on a node, a beat a second.
struct Job {
  double now = 100;
  Liveness liveness{
      {{0, Role::kService, 0, "n1"}, {1, Role::kTrainer, 0, "n1"}, {2, Role::kTrainer, 0, "n1"}},
      {30, 600, 300},
      100};
  Beat beats[3] = {{Activity::kServing, 0, 40}, {Activity::kTraining, 0, 7}, {Activity::kTraining, 0, 7}};

  // `seconds` of a job in which rank `quiet` says nothing: the first verdict, and in `now` its time.
  std::string run(int seconds, int quiet = -1) {
    for (int i = 0; i < seconds; ++i) {
      now += 1;
      liveness.look(now);
      for (int rank = 0; rank < 3; ++rank)
        if (rank != quiet) liveness.heard(rank, beats[rank], now);
      if (const auto verdict = liveness.verdict(now)) return *verdict;
    }
    return "";
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a silent process is named with rank, role, host and step once limits.silence has passed") {
  Job job;
  CHECK(job.run(5) == "");
  const std::string text = job.run(100, 2);
  CHECK(job.now == 100 + 5 + 31);
  CHECK(text.starts_with(
      "rank 2 (trainer on n1) gave no sign of life for 31 s, last seen training after update 7"));
  Job other;
  CHECK(other.run(5) == "");
  CHECK(other.run(100, 0).starts_with(
      "rank 0 (dataservice on n1) gave no sign of life for 31 s, last seen serving after 40 batches:"));
}

TEST_CASE("a watcher with more patience leaves it to the others to speak first") {
  Job job;
  job.liveness = Liveness({{0, Role::kService, 0, "n1"}}, {30, 600, 300, 2}, job.now);
  CHECK(job.run(5) == "");
  CHECK(job.run(60, 0) == "");
  CHECK(job.run(2, 0).starts_with("rank 0 (dataservice on n1) gave no sign of life for 61 s"));
}

TEST_CASE("a gap in which the watcher itself did not run moves all deadlines") {
  Job job;
  CHECK(job.run(20, 2) == "");
  job.now += 1000;  // 20 s of silence before, and 10 more are allowed after
  CHECK(job.run(9, 2) == "");
  CHECK(contains(job.run(10, 2), "rank 2"));
  Job stuck;
  CHECK(stuck.run(500) == "");
  stuck.now += 5000;
  CHECK(stuck.run(90) == "");
  CHECK(contains(stuck.run(20), "no trainer has finished an update"));
}

TEST_CASE("trainers that beat but do not move are named after limits.step, the one behind first") {
  Job job;
  job.beats[2].done = 6;
  CHECK(job.run(600) == "");
  CHECK(contains(job.run(10), "furthest behind: rank 2 (trainer on n1), training after update 6"));
  CHECK(job.now == 100 + 602);
  Job moving;
  for (int i = 0; i < 20; ++i) {
    CHECK(moving.run(500) == "");
    moving.beats[1].done = moving.beats[2].done += 1;
  }
}

TEST_CASE("start, validation and checkpoints may take ten times as long, the end any time") {
  for (const Activity phase : {Activity::kStarting, Activity::kValidating, Activity::kSaving}) {
    Job job;
    job.beats[1].activity = phase;
    CHECK(job.run(5990) == "");
    CHECK(contains(job.run(20), "no trainer"));
  }
  Job job;
  job.beats[1].activity = job.beats[2].activity = Activity::kEnding;
  CHECK(job.run(20000) == "");
}

TEST_CASE("a service that does not get its data open is named, not the trainers that wait for it") {
  Job job;
  for (Beat& beat : job.beats) beat = {Activity::kStarting, 0, 0};
  CHECK(job.run(6000) == "");
  CHECK(job.run(10).starts_with(
      "rank 0 (dataservice on n1) has not opened its data after 6001 s: look at data.train_source"));
  Job other;
  for (Beat& beat : other.beats) beat = {Activity::kStarting, 0, 0};
  other.beats[0].activity = Activity::kServing;
  CHECK(contains(other.run(6010), "furthest behind: rank 1 (trainer on n1), starting"));
}

TEST_CASE("where a trainer waits for data, the service has limits.storage more and is the one named") {
  Job job;
  job.beats[2].activity = Activity::kWaiting;  // rank 1 waits for rank 2
  CHECK(job.run(900) == "");
  CHECK(
      job.run(10).starts_with("rank 0 (dataservice on n1) has given rank 2 (trainer on n1) no batch for 901 "
                              "s, after update 7; it has "
                              "handed over 40 batches in all"));
}

TEST_CASE("a limit of 0 never ends a job") {
  Job job;
  job.liveness = Liveness({{0, Role::kService, 0, "n1"}, {1, Role::kTrainer, 0, "n1"}}, {0, 0, 0}, job.now);
  CHECK(job.run(20000, 1) == "");
}
