// What comes after an epoch: validation on all ranks; the log, TensorBoard and the exported model from the
// first one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/checkpoint/manifest.hpp"
#include "common/config/config.hpp"
#include "common/watch/time_limit.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/log/clock.hpp"
#include "trainer/log/event_writer.hpp"
#include "trainer/log/training_log.hpp"
#include "trainer/validation/evaluate.hpp"

namespace facetrain {

class EpochEnd {
 public:
  // models: the folder for exported models; storage: of writing there. All but it outlive this; events: null
  // without TensorBoard. Throws Error for a validation set that is missing.
  EpochEnd(const Config& config, std::string models, Backbone& backbone, Communicator& trainers,
           TrainingLog& log, EventWriter* events, const Clock& clock, StorageRule storage);

  // What an earlier run had reached.
  void resumed(double best_accuracy, std::int64_t best_step);

  // `steps`: done so far; epoch_began: when this epoch's first step did, by the clock. is_last: no other
  // epoch follows, whose model would make up for one that the disk does not take. Puts the accuracies into
  // `record`. Collective.
  void operator()(std::int64_t steps, double epoch_began, bool is_last, Manifest& record);

 private:
  Backbone& backbone_;
  Communicator& trainers_;
  TrainingLog& log_;
  EventWriter* events_;
  const Clock& clock_;
  std::string models_;
  std::int64_t keep_;
  std::vector<ValidationSet> sets_;
  ValidationOptions options_;
  double best_accuracy_ = -1;
  std::int64_t best_step_ = 0;
  StorageRule storage_;
};

}  // namespace facetrain
