// What becomes of updates that were not made because some rank found NaN or infinity: noted with their
// samples, and after too many in a row the run ends. All ranks see the same and decide alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "trainer/backbones/backbone.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/cuda/scalar_copy.hpp"
#include "trainer/log/trace.hpp"
#include "trainer/optim/loss_scale.hpp"
#include "trainer/step/train_step.hpp"

namespace facetrain {

class SkippedUpdates {
 public:
  struct Rule {
    std::string path;         // of the notes, a line as the trace's for each rank of such an update
    std::int64_t limit = 10;  // in a row that end the run
    std::size_t lag =
        0;  // updates that the host may be ahead of the device: an update is looked at so much later
    double least_scale = 1.0;  // a loss scale below it ends the run
  };

  // All outlive this; loss_scale: null without. `say`: a line of the log.
  SkippedUpdates(Rule rule, Backbone& backbone, LossScale* loss_scale, Communicator& trainers,
                 at::Device device, std::function<void(const std::string&)> say);

  // After each update; `step`: its number, samples and learning rate. An overflow of float16, which the loss
  // scale deals with, is not noted: the losses are finite then. Throws Error(kInternal), on all ranks alike,
  // after `limit` updates in a row, or when the loss scale fell below `least_scale`. Collective.
  void after(TraceStep step, const StepResult& result);

  // Looks at all updates so far, waiting for the device: before what they must not spoil, a validation or a
  // checkpoint. Collective.
  void drain();

 private:
  struct Pending {
    TraceStep step;
    ScalarCopy skipped, loss, grad_norm, largest;
    at::Tensor statistics;  // BatchNorm's means and variances after it, all in one
  };
  void judge(const Pending& update);
  void note(const TraceStep& step, const at::Tensor& all) const;
  void look_at_first();
  void mend_statistics();

  Rule rule_;
  Backbone& backbone_;
  LossScale* loss_scale_;
  Communicator& trainers_;
  at::Device device_;
  std::function<void(const std::string&)> say_;
  std::deque<Pending> pending_;
  at::Tensor good_;  // the statistics after the last update that was made
  std::int64_t in_a_row_ = 0;
};

}  // namespace facetrain
