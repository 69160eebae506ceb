// One trainer's step on a batch that stays in memory, put together as trainer/run/training.cpp does: what the
// rows about the trainer time, and what they hand to a peer so that it starts from the same numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/comm/gradient_buckets.hpp"
#include "trainer/head/sharded_classifier.hpp"
#include "trainer/optim/loss_scale.hpp"
#include "trainer/optim/optimizer.hpp"
#include "trainer/step/train_step.hpp"

namespace facetrain::bench {

// A configuration of the reference's kind: ArcFace .5, SGD, lr .01, no dropout. network: "mbf", "r18", "r50",
// "r50se", ...
Config step_config(const std::string& network, std::int64_t batch, const std::string& precision);

// The classifier of a run of it on one rank.
ClassifierSpec classifier_of(const Config& config, std::int64_t classes, at::Device device);

// The tensor's numbers alone, in its logical order.
void write_tensor(const std::string& path, const at::Tensor& tensor);

class TrainingStep {
 public:
  // Pictures and labels (0 to classes - 1) are drawn from the rank. trainers outlives it.
  TrainingStep(const Config& config, std::int64_t classes, Communicator& trainers, at::Device device);

  void step() { last_ = train_step(state_, batch_, dropout_, lr_); }
  // Of the last step; waits for the device.
  double loss() const { return last_.loss.item<double>(); }
  void profile(StepProfile* profile) { state_.profile = profile; }

  // Writes W.pth, head.pth (the centres), images.f32 (B, 3, 112, 112) and labels.i64 into `folder`.
  void save(const std::string& folder);

 private:
  std::unique_ptr<Backbone> backbone_;
  ShardedClassifier classifier_;
  GradientBuckets buckets_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<LossScale> loss_scale_;
  TrainState state_;
  Batch batch_;
  DropoutKey dropout_;
  double lr_;
  StepResult last_;
};

}  // namespace facetrain::bench
