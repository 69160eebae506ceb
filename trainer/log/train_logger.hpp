// Reports training progress every `frequency_log` steps: the reference's line, with speed, time left and the
// share of time spent waiting for data, and the same numbers as TensorBoard scalars. Also feeds the progress
// line of a terminal.
#pragma once

#include <cstdint>

#include "trainer/log/clock.hpp"
#include "trainer/log/event_writer.hpp"
#include "trainer/log/training_log.hpp"

namespace facetrain {

// What a run looks like from the log: constant while it lasts.
struct RunShape {
  std::int64_t global_batch = 0;  // samples per step, all ranks together
  std::int64_t steps_per_epoch = 1;
  std::int64_t epochs = 1;
  std::int64_t frequency_log = 20;
  // Done before, by a plan of other steps perhaps, and to be done.
  std::int64_t total_steps = 1;
};

// One step that is done.
struct StepDone {
  std::int64_t step = 1;   // 1-based over the whole run: steps done, this one included
  std::int64_t epoch = 0;  // 0-based
  double loss = 0;
  double lr = 0;
  double data_wait = 0;  // seconds that this step waited for its batch
};

class TrainLogger {
 public:
  // `log` and `clock` outlive the logger, and so does `events` (null: no TensorBoard file). Time starts to
  // count here or at start(), whichever is later.
  TrainLogger(const RunShape& shape, TrainingLog& log, EventWriter* events, const Clock& clock);

  // Call just before the first step: start-up (reading lists, filling the ring) counts neither for speed nor
  // for time left. steps_done: those of an earlier run that this one goes on from.
  void start(std::int64_t steps_done = 0);
  // Call after each step, on the rank that logs, once its loss is known.
  void step(const StepDone& done);
  // Around validation and saving: that time counts for the time left, but not for the speed.
  void pause();
  void resume();

 private:
  void report(const StepDone& done);

  RunShape shape_;
  TrainingLog* log_;
  EventWriter* events_;
  const Clock* clock_;
  double started_ = 0;           // seconds
  std::int64_t first_step_ = 0;  // steps done at start()
  double interval_start_ = 0;    // seconds; of the interval since the last line
  double paused_at_ = 0;
  std::int64_t interval_steps_ = 0;
  double interval_loss_ = 0;  // sum
  double interval_wait_ = 0;  // seconds
};

}  // namespace facetrain
