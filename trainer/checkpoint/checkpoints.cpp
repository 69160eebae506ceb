#include "trainer/checkpoint/checkpoints.hpp"

#include <utility>

#include "common/checkpoint/folders.hpp"
#include "common/error.hpp"
#include "trainer/checkpoint/training_state.hpp"

namespace facetrain {

Checkpoints::Checkpoints(CheckpointWriter& writer, MpiComm trainers, const Timing& timing,
                         std::function<void(const std::string&)> say, std::function<void()> before_save)
    : writer_(writer),
      requests_(std::move(trainers)),
      timing_(timing),
      say_(std::move(say)),
      before_save_(std::move(before_save)),
      saved_at_(timing.clock.seconds()) {}

std::uint32_t Checkpoints::exchange(bool due) {
  return requests_.exchange((due ? kSave : kNothing) | (timing_.stop.has_come() ? kStop : kNothing));
}

bool Checkpoints::after_update(const Manifest& now, TrainState& state) {
  const bool due = timing_.seconds > 0 && state.trainers.rank() == 0 &&
                   timing_.clock.seconds() - saved_at_ >= timing_.seconds;
  if (due) saved_at_ = timing_.clock.seconds();  // the answer comes an update later: it is asked for once
  const std::uint32_t asked = exchange(due);
  if (asked == kNothing) return false;
  save(now, state);
  if ((asked & kStop) == 0) return false;
  complete();
  return true;
}

bool Checkpoints::after_epoch(const Manifest& now, TrainState& state) {
  const std::uint32_t asked = exchange(false);
  save(now, state);
  if ((asked & kStop) == 0) return false;
  complete();
  return true;
}

// Begins to write a checkpoint, unless the last one was of the same update.
void Checkpoints::save(const Manifest& now, TrainState& state) {
  saved_at_ = timing_.clock.seconds();
  before_save_();
  if (now.position.updates == last_) return;
  if (const std::string failure = conclude(); !failure.empty())
    say_("WARNING: " + failure + "; the checkpoint before it stays, training goes on");
  last_ = now.position.updates;
  is_pending_ = true;
  writer_.write(now, capture(training_state(state), state.trainers.rank(), state.trainers.size()));
}

void Checkpoints::complete() {
  if (const std::string failure = conclude(); !failure.empty())
    throw Error(ErrorKind::kIo, failure + "; the checkpoint before it stays");
}

// The end of the write under way: why there is no checkpoint, or "".
std::string Checkpoints::conclude() {
  if (!std::exchange(is_pending_, false)) return "";
  const std::string failure = writer_.finish();
  const std::string name = "checkpoint " + checkpoint_name(last_);
  if (failure.empty()) {
    say_("Saved " + name);
    return "";
  }
  return name + " was not written: " + failure;
}

}  // namespace facetrain
