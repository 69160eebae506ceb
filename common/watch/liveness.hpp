// Who of a job is silent or stuck, by the heartbeats that have come. Pure: the caller brings the clock.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/topology.hpp"
#include "common/watch/vitals.hpp"

namespace facetrain {

struct WatchedProcess {
  int rank = 0;  // in MPI_COMM_WORLD
  Role role = Role::kTrainer;
  int node = 0;
  std::string host;
};

// Seconds; 0: never. See the configuration's table of this name.
struct WaitLimits {
  double silence = 30;
  double step = 600;
  double storage = 300;
  double patience = 1;  // of this watcher: how many times `silence` it waits
};

class Liveness {
 public:
  // now: seconds by a clock that never goes back. All have until the limits from now on.
  Liveness(std::vector<WatchedProcess> watched, const WaitLimits& limits, double now);

  // The watcher looks again, as it does once a second. When it was suspended in between (watch_clock.hpp),
  // all deadlines move by the gap.
  void look(double now);

  // A heartbeat of this rank has come.
  void heard(int rank, const Beat& beat, double now);

  // Whom to name and why; nothing while all is well. Silence comes first: whoever waits for a silent process
  // is stuck too. The trainers advance together, so they are stuck when none has moved for the longest time
  // that any one's activity allows; ten times limits.step for the first update, validation and checkpoints.
  // One that waits for data has limits.storage more, and names its node's data service.
  std::optional<std::string> verdict(double now) const;

 private:
  struct Seen {
    WatchedProcess process;
    Beat last;
    double heard = 0;  // when the last beat came
    double moved = 0;  // when a beat last differed from the one before
  };
  std::string who(const Seen& seen) const;
  static std::string how_far(const Seen& seen);
  std::optional<std::string> silent(double now) const;
  std::optional<std::string> stuck(double now) const;

  std::vector<Seen> seen_;
  WaitLimits limits_;
  double looked_;
};

}  // namespace facetrain
