#include "trainer/run/epoch_end.hpp"

#include <utility>

#include "common/checkpoint/folders.hpp"
#include "common/error.hpp"
#include "trainer/log/log_lines.hpp"
#include "trainer/weights/weights.hpp"

namespace facetrain {

EpochEnd::EpochEnd(const Config& config, std::string models, Backbone& backbone, Communicator& trainers,
                   TrainingLog& log, EventWriter* events, const Clock& clock, StorageRule storage)
    : backbone_(backbone),
      trainers_(trainers),
      log_(log),
      events_(events),
      clock_(clock),
      models_(std::move(models)),
      keep_(config.checkpoint.keep),
      sets_(open_validation_sets(config.validation.val_source, config.validation.val_list)),
      storage_(std::move(storage)) {
  options_.fusion = fusion_of(config.validation.add_flip, config.validation.add_norm);
  options_.batch = static_cast<std::size_t>(config.train.batch_size);
  options_.format = {config.data.bgr, config.data.pixel_mean, config.data.pixel_std};
}

void EpochEnd::resumed(double best_accuracy, std::int64_t best_step) {
  best_accuracy_ = best_accuracy;
  best_step_ = best_step;
}

void EpochEnd::operator()(std::int64_t steps, double epoch_began, bool is_last, Manifest& record) {
  const double began = clock_.seconds();
  const std::int64_t step = steps + 1;  // the reference counts from 1 and names the step to come
  const ValidationResult result =
      evaluate(backbone_, trainers_, sets_, options_, [this](const std::string& text) { log_.line(text); });
  if (result.mean_accuracy > best_accuracy_) {
    best_accuracy_ = result.mean_accuracy;
    best_step_ = step;
  }
  record.accuracy = sets_.empty() ? -1 : result.mean_accuracy;
  record.best_accuracy = best_accuracy_;
  record.best_step = best_step_;
  if (trainers_.rank() != 0) return;
  const double ended = clock_.seconds();
  if (!sets_.empty()) log_.line(validation_time_line(ended - began, ended - epoch_began));
  if (events_ != nullptr && !sets_.empty()) {
    for (const SetAccuracy& set : result.sets) events_->scalar(set.name + " acc", set.accuracy.mean, step);
    events_->scalar("Mean acc", result.mean_accuracy, step);
  }
  log_.line(best_accuracy_line(best_accuracy_, best_step_));
  const std::string path = models_ + "/" + model_file_name(clock_.now(), result.mean_accuracy, step);
  try {
    {
      const TimeLimit watched(storage_.of("writing " + path));
      save_state_dict(path, backbone_.state());
    }
    log_.line("Saved " + path);
    retain_exports(models_, keep_, step);
  } catch (const Error& error) {
    if (is_last) throw;
    log_.line(std::string("WARNING: the model was not exported: ") + error.what() + "; training goes on");
  }
}

}  // namespace facetrain
