// Training with partial FC: fifty whole steps with the sparse update are those of the dense rule, at any
// number of ranks; overflow, a batch with more classes than the budget, ranks without classes.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tests/larger.hpp"
#include "tests/mpi/linear_trainer.hpp"
#include "tests/mpi/world.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::draw;
using facetrain::test::LinearTrainer;
using facetrain::test::world;

namespace {

constexpr std::int64_t kSize = 8, kPixels = 12, kBatch = 2, kSteps = 50;

struct Setting {
  std::int64_t classes = 60;
  double momentum = 0.9;
  double weight_decay = 0.05;
  at::ScalarType type = at::kDouble;
  std::optional<double> loss_scale = std::nullopt;
  std::string head = "arcface";
  std::vector<double> margins = {0.5};
};

std::unique_ptr<Head> head_of(const Setting& setting) {
  Config config;
  config.head.head = setting.head;
  config.head.margin = setting.margins;
  return make_head(config);
}

struct Trainer : LinearTrainer {
  Trainer(const Setting& setting, double sample_rate, bool dense)
      : LinearTrainer(
            kPixels, {setting.classes, kSize, 1, at::kCPU, setting.type, setting.type, sample_rate, dense},
            head_of(setting), world(), {setting.momentum, setting.weight_decay, setting.loss_scale}) {
    classifier.weight().detach().mul_(100);  // norm about 3: a step turns a centre by a little
  }
};

Batch own_batch(const Setting& setting, std::int64_t step) {
  const std::int64_t rows = kBatch * world().size(), first = kBatch * world().rank();
  const at::Tensor images = draw({rows, 3, 2, 2}, 100 + static_cast<std::uint64_t>(step), setting.type);
  const at::Tensor labels = (at::arange(rows) * 17 + step * 5).remainder(setting.classes);
  return {images.narrow(0, first, kBatch), labels.narrow(0, first, kBatch)};
}

double learning_rate_at(std::int64_t step) {
  return step < 20 ? 0.02 : step < 40 ? 0.002 : 0.002 / static_cast<double>(step - 38);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

struct Differences {
  double loss = 0, centres = 0, backbone = 0, velocity = 0, head = 0;
};

// The largest relative differences of sparse from dense over kSteps steps.
Differences compare(const Setting& setting, double sample_rate, std::int64_t overflow_at = -1) {
  Trainer dense(setting, sample_rate, true), sparse(setting, sample_rate, false);
  REQUIRE(dense.classifier.sparse_centres() == nullptr);
  REQUIRE(sparse.classifier.sparse_centres() != nullptr);
  const at::Tensor before = sparse.classifier.weight().detach().clone();
  Differences largest;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const DropoutKey key{.step = static_cast<std::uint64_t>(step)};
    Batch batch = own_batch(setting, step);
    if (step == overflow_at && world().rank() == world().size() - 1)
      batch.images = at::full_like(batch.images, std::numeric_limits<double>::infinity());
    const StepResult expected = train_step(dense.state, batch, key, learning_rate_at(step));
    const StepResult result = train_step(sparse.state, batch, key, learning_rate_at(step));
    if (setting.loss_scale) {
      CHECK(result.skipped.item<float>() == (step == overflow_at ? 1.0f : 0.0f));
      if (step == overflow_at) continue;
    }
    const double a = result.loss.item<double>(), b = expected.loss.item<double>();
    REQUIRE((std::isfinite(a) && std::isfinite(b)));
    largest.loss = test::larger(largest.loss, std::abs(a - b) / std::max(b, 1.0));
  }
  largest.centres = difference(sparse.classifier.weight(), dense.classifier.weight().detach());
  const auto own = sparse.classifier.head().parameters(), theirs = dense.classifier.head().parameters();
  for (std::size_t i = 0; i < own.size(); ++i)
    largest.head = test::larger(largest.head, difference(own[i].detach(), theirs[i].detach()));
  const auto statistics = sparse.classifier.head().statistics();
  for (std::size_t i = 0; i < statistics.size(); ++i)
    largest.head =
        test::larger(largest.head, difference(statistics[i], dense.classifier.head().statistics()[i]));
  if (setting.momentum > 0) {  // without, dense SGD keeps none
    const auto& velocities = dense.optimizer.velocities();
    largest.velocity = difference(sparse.classifier.sparse_centres()->velocity(),
                                  velocities.at(velocities.size() - 1 - own.size()));
  }
  largest.backbone =
      difference(sparse.backbone.state()[0].tensor.detach(), dense.backbone.state()[0].tensor.detach());
  MESSAGE("sparse against dense: loss ", largest.loss, ", centres ", largest.centres, ", velocity ",
          largest.velocity, ", backbone ", largest.backbone, ", head ", largest.head);
  if (before.numel() > 0) CHECK(difference(sparse.classifier.weight(), before) > 0.03);
  return largest;
}

void check_below(const Differences& largest, double tolerance) {
  CHECK(largest.loss < tolerance);
  CHECK(largest.centres < tolerance);
  CHECK(largest.velocity < tolerance);
  CHECK(largest.backbone < tolerance);
  CHECK(largest.head < tolerance);
}

}  // namespace

TEST_CASE("fifty steps with the sparse update are the dense rule's in float64") {
  check_below(compare({}, 0.3), 1e-10);
}

TEST_CASE("... and in float32 up to rounding") {
  check_below(compare({.type = at::kFloat}, 0.3), 1e-4);
}

TEST_CASE("... without momentum") {
  const Differences largest = compare({.momentum = 0}, 0.3);
  CHECK(largest.loss < 1e-10);
  CHECK(largest.centres < 1e-10);
}

TEST_CASE("... with an overflow that every rank skips") {
  check_below(compare({.type = at::kFloat, .loss_scale = 1024.0}, 0.3, 25), 1e-4);
}

TEST_CASE("... of a head with a parameter, and of one with a statistic") {
  check_below(compare({.head = "uniface", .margins = {0.4, 5}}, 0.3), 1e-10);
  check_below(compare({.head = "curricularface"}, 0.3), 1e-10);
}

TEST_CASE("... when a batch has more classes than the budget, and when a rank has no classes") {
  check_below(compare({.classes = 9}, 0.12), 1e-10);
  check_below(compare({.classes = 2}, 0.5), 1e-10);
}

TEST_CASE("the classes of a step do not follow from those of the step before") {
  Trainer trainer({}, 0.3, false);
  const Batch batch = own_batch({}, 0);
  trainer.classifier.loss(trainer.backbone.forward(batch.images, {}), batch.labels, 0);
  const at::Tensor first = trainer.classifier.sparse_centres()->taken().detach();
  trainer.classifier.loss(trainer.backbone.forward(batch.images, {}), batch.labels, 1);
  const at::Tensor second = trainer.classifier.sparse_centres()->taken().detach();
  CHECK_FALSE(first.equal(second));
  trainer.classifier.loss(trainer.backbone.forward(batch.images, {}), batch.labels, 0);
  CHECK(first.equal(trainer.classifier.sparse_centres()->taken().detach()));
}
