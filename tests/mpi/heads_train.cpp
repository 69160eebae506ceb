// Every head of heads.def trains: a few steps of train_step on one batch lower the loss on any number of
// ranks, the numbers are alike on all ranks, and with more ranks than classes it goes on.
#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/mpi/linear_backbone.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/step/train_step.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::draw;
using facetrain::test::LinearBackbone;
using facetrain::test::world;

namespace {

constexpr std::int64_t kSize = 8, kPixels = 12, kBatch = 6;
constexpr int kSteps = 30;

const std::map<std::string, std::vector<double>> kMargins = {
    {"arcface", {0.5}},          {"cosface", {0.4}},        {"sphereface", {1.7}},
    {"combined", {1, 0.3, 0.2}}, {"curricularface", {0.5}}, {"magface", {10, 110, 0.45, 0.8}},
    {"adaface", {0.4}},          {"uniface", {0.4, 5}},     {"circleloss", {0.25}}};

// The loss of each step.
std::vector<double> train(const Config& config, std::int64_t classes) {
  LinearBackbone backbone(kPixels, kSize, at::kDouble);
  backbone.state()[0].tensor.detach().mul_(3);
  ShardedClassifier classifier({classes, kSize, 1, at::kCPU, at::kDouble, at::kDouble}, make_head(config),
                               world());
  GradientBuckets buckets(trainable_parameters(backbone), world());
  const auto optimizer =
      make_optimizer(config, trained_parameters(backbone, classifier), nullptr, buckets.buckets());
  TrainState state{backbone, classifier, buckets, *optimizer, nullptr, world()};
  const std::int64_t rows = kBatch * world().size(), first = kBatch * world().rank();
  const Batch batch{draw({rows, 3, 2, 2}, 7, at::kDouble).narrow(0, first, kBatch),
                    at::arange(rows).remainder(classes).narrow(0, first, kBatch)};
  std::vector<double> losses;
  for (int step = 0; step < kSteps; ++step)
    losses.push_back(train_step(state, batch, {}, 0.02).loss.item<double>());
  return losses;
}

}  // namespace

TEST_CASE("every head trains") {
#define HEAD(name, margin_count) REQUIRE(kMargins.contains(#name));
#include "trainer/head/heads.def"
#undef HEAD
  for (const auto& [head, margins] : kMargins)
    for (const std::int64_t classes : {5, 2}) {
      CAPTURE(head);
      CAPTURE(classes);
      Config config;
      config.head.head = head;
      config.head.margin = margins;
      const std::vector<double> losses = train(config, classes);
      CHECK(std::isfinite(losses.back()));
      CHECK(losses.back() < 0.8 * losses.front());
      at::Tensor largest = at::tensor(losses, at::kDouble);
      world().all_reduce(largest, ReduceOp::kMax);
      CHECK(largest.equal(at::tensor(losses, at::kDouble)));
    }
}
