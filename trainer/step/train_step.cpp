#include "trainer/step/train_step.hpp"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/maximum.h>

#include <limits>

#include "trainer/optim/grad_norm.hpp"
#include "trainer/optim/nonfinite.hpp"

namespace facetrain {
namespace {

// The classifier's gradients belong to this rank alone and are replaced, not added up.
void drop_gradients(ShardedClassifier& classifier) {
  for (at::Tensor& parameter : classifier.parameters()) parameter.mutable_grad() = at::Tensor();
}

std::vector<at::Tensor> gradients_of(ShardedClassifier& classifier) {
  std::vector<at::Tensor> parameters = classifier.parameters();
  if (SparseRows* sparse = classifier.sparse_centres()) parameters.push_back(sparse->taken());
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  return gradients;
}

// The largest magnitude in `values` and, if defined, `before`; NaN when there is one.
at::Tensor larger(const at::Tensor& before, const at::Tensor& values) {
  const at::Tensor largest = at::linalg_vector_norm(values.detach(), std::numeric_limits<double>::infinity());
  return before.defined() ? at::maximum(before, largest) : largest;
}

}  // namespace

StepResult train_step(TrainState& state, const NextBatch& next, std::int64_t batches,
                      const DropoutKey& dropout, double lr) {
  state.buckets.begin_step(static_cast<int>(batches));
  drop_gradients(state.classifier);

  at::Tensor sum, largest;
  DropoutKey key = dropout;
  for (std::int64_t i = 0; i < batches; ++i) {
    enter(state.profile, Phase::kData);
    const Batch batch = next();
    enter(state.profile, Phase::kForward);
    const at::Tensor embeddings = state.backbone.forward(batch.images, key);
    enter(state.profile, Phase::kHead);
    enter_at_gradient(state.profile, embeddings, Phase::kBackward);
    largest = larger(largest, embeddings);
    at::Tensor loss = state.classifier.loss(embeddings, batch.labels, dropout.step);
    if (batches > 1) loss = loss.div(static_cast<double>(batches));
    (state.loss_scale ? state.loss_scale->scale(loss) : loss).backward();
    sum = sum.defined() ? sum.add(loss.detach()) : loss.detach();
    // Rows are r * world + rank: this moves the next batch's behind this one's.
    key.rank += static_cast<std::uint32_t>(batch.images.size(0)) * key.world;
  }
  enter(state.profile, Phase::kCommunication);
  state.buckets.finish();

  enter(state.profile, Phase::kOptimizer);
  // Unscaling and clipping are left to the update, which passes over the gradients anyway.
  at::Tensor grad_norm = norm_of(state.buckets.flats());
  std::vector<at::Tensor> own = gradients_of(state.classifier);
  own.push_back(sum);
  const at::Tensor skipped = nonfinite(grad_norm, own, state.trainers);
  GradientFactors factors;
  if (state.loss_scale) {
    factors.unscale = state.loss_scale->inverse();
    grad_norm = grad_norm.mul(factors.unscale);
  }
  factors.clip = clip_factor(grad_norm, state.max_grad_norm);
  state.optimizer.step(lr, skipped, factors);
  if (state.loss_scale) state.loss_scale->update(skipped);

  return {sum, grad_norm, skipped, largest};
}

StepResult train_step(TrainState& state, const Batch& batch, const DropoutKey& dropout, double lr) {
  return train_step(
      state, [&] { return batch; }, 1, dropout, lr);
}

std::vector<at::Tensor> trainable_parameters(const Backbone& backbone) {
  std::vector<at::Tensor> parameters;
  for (const NamedTensor& entry : backbone.state())
    if (!entry.is_buffer && entry.trainable) parameters.push_back(entry.tensor);
  return parameters;
}

std::vector<TrainedParameter> trained_parameters(const Backbone& backbone, ShardedClassifier& classifier) {
  std::vector<TrainedParameter> parameters;
  for (const NamedTensor& entry : backbone.state())
    if (!entry.is_buffer && entry.trainable) parameters.push_back({entry.tensor, entry.weight_decay, true});
  for (const at::Tensor& parameter : classifier.parameters()) parameters.push_back({parameter, true, false});
  return parameters;
}

std::vector<bool> weight_decays(const Backbone& backbone) {
  std::vector<bool> decays;
  for (const NamedTensor& entry : backbone.state())
    if (!entry.is_buffer && entry.trainable) decays.push_back(entry.weight_decay);
  return decays;
}

}  // namespace facetrain
