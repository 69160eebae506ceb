#include "trainer/log/train_logger.hpp"

#include "trainer/log/log_lines.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kBarWidth = 79;
constexpr double kSecondsPerHour = 3600;

}  // namespace

TrainLogger::TrainLogger(const RunShape& shape, TrainingLog& log, EventWriter* events, const Clock& clock)
    : shape_(shape), log_(&log), events_(events), clock_(&clock) {
  start();
}

void TrainLogger::start(std::int64_t steps_done) {
  started_ = interval_start_ = clock_->seconds();
  first_step_ = steps_done;
  interval_steps_ = 0;
  interval_loss_ = interval_wait_ = 0;
}

void TrainLogger::pause() {
  paused_at_ = clock_->seconds();
  log_->progress("");
}

void TrainLogger::resume() {
  interval_start_ += clock_->seconds() - paused_at_;
}

void TrainLogger::step(const StepDone& done) {
  ++interval_steps_;
  interval_loss_ += done.loss;
  interval_wait_ += done.data_wait;
  if (log_->shows_progress()) {
    const std::int64_t in_epoch = done.step - done.epoch * shape_.steps_per_epoch;
    log_->progress(
        progress_bar({done.epoch, shape_.epochs, in_epoch, shape_.steps_per_epoch, done.loss}, kBarWidth));
  }
  if (done.step % shape_.frequency_log == 0) report(done);
}

void TrainLogger::report(const StepDone& done) {
  const double now = clock_->seconds(), interval = now - interval_start_;
  const auto steps = static_cast<double>(interval_steps_);
  const double per_step = (now - started_) / static_cast<double>(done.step - first_step_);
  const Progress progress{
      .epoch = done.epoch,
      .epochs = shape_.epochs,
      .step = done.step,
      .total_steps = shape_.total_steps,
      .loss = interval_loss_ / steps,
      .samples_per_second = steps * static_cast<double>(shape_.global_batch) / interval,
      .hours_left = per_step * static_cast<double>(shape_.total_steps - done.step) / kSecondsPerHour,
      .data_wait = interval > 0 ? interval_wait_ / interval : 0,
  };
  log_->line(progress_line(progress));
  if (events_) {
    events_->scalar("time_for_end", progress.hours_left, done.step);
    events_->scalar("loss", progress.loss, done.step);
    events_->scalar("data_wait", progress.data_wait, done.step);
    events_->scalar("lr", done.lr, done.step);
  }
  interval_start_ = now;
  interval_steps_ = 0;
  interval_loss_ = interval_wait_ = 0;
}

}  // namespace facetrain
