// A run's checkpoints as its training loop sees them: when one is due, and what happened to the last.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/stop_signal.hpp"
#include "trainer/checkpoint/requests.hpp"
#include "trainer/checkpoint/writer.hpp"
#include "trainer/log/clock.hpp"
#include "trainer/step/train_step.hpp"

namespace facetrain {

class Checkpoints {
 public:
  struct Timing {
    double seconds = 0;  // between two checkpoints inside an epoch; 0: none there
    const Clock& clock;  // outlives this
    StopSignal& stop;    // likewise
  };
  // say: takes lines for the log (rank 0's are seen). before_save: called on all ranks before the state is
  // taken.
  Checkpoints(
      CheckpointWriter& writer, MpiComm trainers, const Timing& timing,
      std::function<void(const std::string&)> say, std::function<void()> before_save = [] {});

  // What the run went on from: written already.
  void resumed(std::int64_t updates) { last_ = updates; }

  // After each update. now: without files. Writes a checkpoint when one is due by the clock or somebody has
  // sent the stop signal; true: the run ends here, with a checkpoint. Throws Error(kIo) when that cannot be
  // written. Collective.
  bool after_update(const Manifest& now, TrainState& state);
  // The same after an epoch, where a checkpoint is always due; `now` is the next epoch's begin.
  bool after_epoch(const Manifest& now, TrainState& state);
  // Waits for the last one. Throws Error(kIo) when it was not written: the run ends without it. Collective.
  void complete();

 private:
  std::uint32_t exchange(bool due);
  void save(const Manifest& now, TrainState& state);
  std::string conclude();

  CheckpointWriter& writer_;
  Requests requests_;
  Timing timing_;
  std::function<void(const std::string&)> say_;
  std::function<void()> before_save_;
  double saved_at_;          // seconds
  std::int64_t last_ = -1;   // updates of the last one begun
  bool is_pending_ = false;  // its outcome is not known yet
};

}  // namespace facetrain
