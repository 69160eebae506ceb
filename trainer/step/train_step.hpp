// One training step, from a batch to updated weights: the function to read first.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/backbones/backbone.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/comm/gradient_buckets.hpp"
#include "trainer/head/sharded_classifier.hpp"
#include "trainer/optim/loss_scale.hpp"
#include "trainer/optim/optimizer.hpp"
#include "trainer/step/step_profile.hpp"

namespace facetrain {

// What a step works on. Owns nothing; everything lies on one device.
struct TrainState {
  Backbone& backbone;
  ShardedClassifier& classifier;
  GradientBuckets& buckets;  // of trainable_parameters(backbone): all of the gradient whose norm is bounded
  Optimizer& optimizer;      // of trained_parameters(backbone, classifier) and classifier.sparse_centres()
  LossScale* loss_scale;     // fp16 only, else null
  Communicator& trainers;
  double max_grad_norm = 5.0;      // of the backbone's gradient
  StepProfile* profile = nullptr;  // told which phase the step is in; null: nobody asks
};

struct Batch {
  at::Tensor images;  // (B, 3, H, W) in [-1, 1], on the backbone's device; B equal on all ranks
  at::Tensor labels;  // (B) int64
};

// Scalars that lie on the device: reading one waits for the step, which itself reads none (ScalarCopy, of
// trainer/cuda/scalar_copy.hpp, reads one without waiting).
struct StepResult {
  at::Tensor loss;       // mean over the global batch; with compat.magface or compat.uniface each rank's own
  at::Tensor grad_norm;  // of the backbone's gradient before clipping, mean over ranks
  at::Tensor skipped;    // 1 element: 1 where no update was made because a rank found NaN or infinity in its
                         // loss or gradients (with loss scaling: an overflow), else 0
  at::Tensor largest;    // magnitude in this rank's embeddings: finite, unless this rank is the one
};

// The batches of a step, one at a time: each call gives the next one, which is done with when the call after
// it comes.
using NextBatch = std::function<Batch()>;

// `batches` >= 1 batches make one update: their gradients are averaged, exchanged once and clipped once (the
// loss is the mean too). But for BatchNorm's and the head's statistics, which are each batch's, k batches of
// B rows make the step of one batch of k * B rows, dropout included.
// Collective. dropout.step, the global step, also decides which classes partial FC samples. Throws as
// ShardedClassifier::loss and the communicator do; the weights are then as they were.
StepResult train_step(TrainState& state, const NextBatch& next, std::int64_t batches,
                      const DropoutKey& dropout, double lr);

// Of one batch.
StepResult train_step(TrainState& state, const Batch& batch, const DropoutKey& dropout, double lr);

// The backbone's trained parameters, in state order.
std::vector<at::Tensor> trainable_parameters(const Backbone& backbone);

// Which of them decay: all but BatchNorm's, as the reference's parameter groups.
std::vector<bool> weight_decays(const Backbone& backbone);

// Those (clipped), then classifier.parameters() (not clipped).
std::vector<TrainedParameter> trained_parameters(const Backbone& backbone, ShardedClassifier& classifier);

}  // namespace facetrain
