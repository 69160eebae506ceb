// Ten training steps of IResNet-18 (se) in float64 against the reference's at 1, 2 and 3 ranks
// (tests/golden/record_training.py): loss and gradient norm of every step, then every parameter and buffer.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/golden/golden_numbers.hpp"
#include "tests/golden/training_formula.hpp"
#include "tests/larger.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/optim/learning_rate.hpp"
#include "trainer/optim/sgd.hpp"
#include "trainer/step/train_step.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::formula;
using facetrain::test::world;

namespace {

constexpr std::int64_t kSteps = 10, kBatch = 3, kClasses = 10, kSize = 32;
constexpr double kTolerance = 1e-8;

struct Run {
  std::vector<double> losses, norms, state_sums, state_norms;
  at::Tensor centres;  // of this rank
  std::int64_t first_class = 0;
};

Config training_config() {
  Config config;
  config.head.margin = {0.5};
  config.train.lr = 0.1;
  config.train.reduce_lr = {6};  // here an epoch is one step
  return config;
}

Run train() {
  const Config config = training_config();
  const int rank = world().rank(), ranks = world().size();
  const auto backbone = make_backbone(
      {.depth = "18", .mode = "se", .embedding_size = kSize, .dropout = 0.0, .precision = "fp64"}, 1);
  backbone->to(at::kCPU, at::kDouble);
  facetrain::test::fill_for_training(*backbone);
  ShardedClassifier classifier({kClasses, kSize, 1, at::kCPU, at::kDouble, at::kDouble}, make_head(config),
                               world());
  const ClassShard shard = classifier.shard();
  classifier.weight().detach().copy_(
      facetrain::test::centres_for_training(kClasses, kSize).narrow(0, shard.first, shard.count));

  GradientBuckets buckets(trainable_parameters(*backbone), world(), 16u << 20, at::kFloat,
                          weight_decays(*backbone));
  Sgd optimizer(trained_parameters(*backbone, classifier), 0.9, 5e-4, nullptr, buckets.buckets());
  TrainState state{*backbone, classifier, buckets, optimizer, nullptr, world()};
  backbone->train(true);

  Run run;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const at::Tensor images = formula(static_cast<std::uint32_t>(1000 + step), {ranks * kBatch, 3, 112, 112});
    const at::Tensor labels = (at::arange(ranks * kBatch) * 7 + step * 3).remainder(kClasses);
    const Batch batch{images.narrow(0, rank * kBatch, kBatch), labels.narrow(0, rank * kBatch, kBatch)};
    const StepResult result = train_step(state, batch, {}, learning_rate(config, step, 1));
    run.losses.push_back(result.loss.item<double>());
    run.norms.push_back(result.grad_norm.item<double>());
  }
  for (const NamedTensor& entry : backbone->state()) {
    const at::Tensor values = entry.tensor.detach().to(at::kDouble);
    run.state_sums.push_back(values.sum().item<double>());
    run.state_norms.push_back(values.norm().item<double>());
  }
  run.centres = classifier.weight().detach();
  run.first_class = shard.first;
  return run;
}

// Largest |ours - golden| / |golden|; `scales` take the place of golden in the denominator where given.
double difference(const std::vector<double>& ours, const std::vector<double>& golden,
                  const std::vector<double>& scales) {
  REQUIRE(ours.size() == golden.size());
  double largest = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    REQUIRE(std::isfinite(ours[i]));  // std::max would drop a NaN
    largest = test::larger(largest, std::abs(ours[i] - golden[i]) / std::max(std::abs(scales[i]), 1e-300));
  }
  return largest;
}

}  // namespace

TEST_CASE("ten steps in float64 are the reference's") {
  const auto golden = test::read_golden_numbers(FACETRAIN_SOURCE_DIR "/tests/golden/data/training.txt");
  const std::string prefix = "world" + std::to_string(world().size()) + ".";
  const auto expected = [&](const std::string& key) { return golden.at(prefix + key); };
  // Every recorded step is clipped, hard; that smaller norms are left alone is optim.cpp's.
  const auto& norms = golden.at(prefix + "grad_norm");
  REQUIRE(*std::min_element(norms.begin(), norms.end()) > 5.0);

  const Run run = train();
  const double loss = difference(run.losses, expected("loss"), expected("loss"));
  const double norm = difference(run.norms, norms, norms);
  MESSAGE("largest relative difference: loss ", loss, ", gradient norm ", norm);
  CHECK(loss < kTolerance);
  CHECK(norm < kTolerance);

  const at::Tensor centres = at::tensor(expected("head_weight"), at::kDouble).view({kClasses, kSize});
  const at::Tensor own = centres.narrow(0, run.first_class, run.centres.size(0));
  CHECK((run.centres - own).abs().max().item<double>() < kTolerance * centres.abs().max().item<double>());
  if (world().rank() > 0) return;  // the reference's rank 0: running statistics are its own
  const auto state_norms = expected("state_norm");
  CHECK(difference(run.state_norms, state_norms, state_norms) < kTolerance);
  CHECK(difference(run.state_sums, expected("state_sum"), state_norms) < kTolerance);
}
