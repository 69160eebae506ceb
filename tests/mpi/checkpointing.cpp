// Two training steps in float64 with and without activation checkpointing: loss, gradients, weights and
// BatchNorm statistics are equal bit for bit, for IResNet (dropout on) and for a small ViT (drop path and
// masking on).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "tests/golden/golden_formula.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/backbones/vit.hpp"
#include "trainer/optim/sgd.hpp"
#include "trainer/step/train_step.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::formula;
using facetrain::test::world;

namespace {

constexpr std::int64_t kSteps = 2, kBatch = 3, kClasses = 7, kSize = 16;

// Everything that a step leaves: losses, gradients after each step, the state at the end.
std::vector<at::Tensor> train(Backbone& backbone) {
  backbone.to(at::kCPU, at::kDouble);
  backbone.train(true);
  Config config;
  config.head.margin = {0.5};
  ShardedClassifier classifier({kClasses, kSize, 1, at::kCPU, at::kDouble, at::kDouble}, make_head(config),
                               world());
  GradientBuckets buckets(trainable_parameters(backbone), world(), 1u << 20);
  Sgd optimizer(trained_parameters(backbone, classifier), 0.9, 5e-4);
  TrainState state{backbone, classifier, buckets, optimizer, nullptr, world()};
  const int rank = world().rank();
  DropoutKey key{.seed = 9,
                 .rank = static_cast<std::uint32_t>(rank),
                 .world = static_cast<std::uint32_t>(world().size())};
  std::vector<at::Tensor> result;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    key.step = static_cast<std::uint64_t>(step);
    const at::Tensor images = formula(static_cast<std::uint32_t>(100 * rank + step), {kBatch, 3, 112, 112});
    const at::Tensor labels = (at::arange(kBatch) + rank + step).remainder(kClasses);
    const StepResult done = train_step(state, {images, labels}, key, 0.1);
    result.push_back(done.loss.clone());
    result.push_back(done.grad_norm.clone());
    for (const at::Tensor& parameter : trainable_parameters(backbone))
      result.push_back(parameter.grad().clone());
  }
  for (const NamedTensor& entry : backbone.state()) result.push_back(entry.tensor.detach().clone());
  return result;
}

std::unique_ptr<Backbone> network(bool vit, bool checkpoint) {
  const BackboneSpec spec{.depth = "18", .mode = "se", .embedding_size = kSize, .checkpoint = checkpoint};
  return vit ? make_vit({.dim = 32, .depth = 3, .heads = 4, .masks = true, .drop_path_rate = 0.5}, spec, 4)
             : make_backbone(spec, 4);
}

}  // namespace

TEST_CASE("checkpointing changes no bit of training") {
  for (const bool vit : {false, true}) {
    CAPTURE(vit);
    const auto plain_net = network(vit, false), checkpointed_net = network(vit, true);
    const auto plain = train(*plain_net), checkpointed = train(*checkpointed_net);
    REQUIRE(plain.size() == checkpointed.size());
    std::int64_t different = 0;
    for (std::size_t i = 0; i < plain.size(); ++i) different += !at::equal(plain[i], checkpointed[i]);
    CHECK(different == 0);
    // Training did something, and every BatchNorm saw each step once.
    const auto untrained = network(vit, false);
    CHECK(!at::equal(plain_net->state()[0].tensor.to(at::kFloat), untrained->state()[0].tensor));
    for (const NamedTensor& entry : checkpointed_net->state())
      if (entry.name.ends_with("num_batches_tracked")) CHECK(entry.tensor.item<std::int64_t>() == kSteps);
  }
}
