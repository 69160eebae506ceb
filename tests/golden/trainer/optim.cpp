// Ten steps of SGD (with and without momentum) and AdamW, the grouping of IResNet-18's parameters, and both
// learning rate schedules, against what the reference's training loop and torch do
// (tests/golden/record_optim.py).
#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/golden/golden_formula.hpp"
#include "tests/golden/golden_numbers.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/optim/learning_rate.hpp"
#include "trainer/optim/optimizer.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::formula;

namespace {

std::map<std::string, std::vector<double>> golden_numbers() {
  return facetrain::test::read_golden_numbers(FACETRAIN_SOURCE_DIR "/tests/golden/data/optim.txt");
}

// record_optim.py's small_network() and its head: shape, and whether it decays.
struct TrainedShape {
  std::vector<std::int64_t> shape;
  bool decays;
};
const std::vector<TrainedShape>& network() {
  static const std::vector<TrainedShape> entries = {{{3, 2, 3, 3}, true}, {{3}, true},  {{3}, false},
                                                    {{3}, false},         {{3}, true},  {{5, 12}, true},
                                                    {{5}, true},          {{5}, false}, {{7, 5}, true}};
  return entries;
}

at::Tensor optimise(const Config& config, at::ScalarType type) {
  std::vector<TrainedParameter> parameters;
  std::uint32_t salt = 10;
  for (const TrainedShape& entry : network())
    parameters.push_back({formula(salt++, entry.shape).to(type).set_requires_grad(true), entry.decays});
  const auto optimizer = make_optimizer(config, parameters);
  for (std::int64_t step = 0; step < 10; ++step) {
    salt = static_cast<std::uint32_t>(1000 + 100 * step);
    for (const TrainedParameter& parameter : parameters)
      parameter.tensor.mutable_grad() = formula(salt++, parameter.tensor.sizes()).to(type);
    optimizer->step(step < 5 ? config.train.lr : config.train.lr / 10);
  }
  std::vector<at::Tensor> values;
  for (const TrainedParameter& parameter : parameters)
    values.push_back(parameter.tensor.detach().to(at::kDouble).flatten());
  return at::cat(values);
}

std::vector<double> rates(const Config& config, std::int64_t steps_per_epoch) {
  std::vector<double> all;
  for (std::int64_t step = 0; step < steps_per_epoch * config.train.epochs; ++step)
    all.push_back(learning_rate(config, step, steps_per_epoch));
  return all;
}

}  // namespace

TEST_CASE("ten steps of each optimiser are torch's, with the reference's groups") {
  const auto numbers = golden_numbers();
  for (const std::string name : {"sgd", "sgd_momentum0", "adamw"}) {
    CAPTURE(name);
    Config config;
    config.train.optimizer = name == "adamw" ? "adamw" : "sgd";
    config.train.lr = name == "adamw" ? 0.01 : 0.1;
    config.train.momentum = name == "sgd" ? 0.9 : 0.0;
    config.train.weight_decay = 0.05;
    const auto difference = [&](const std::string& suffix, at::ScalarType type) {
      const at::Tensor expected = at::tensor(numbers.at(name + suffix), at::kDouble);
      return (optimise(config, type) - expected).abs().max().item<double>();
    };
    CHECK(difference(".f64", at::kDouble) < 1e-14);
    CHECK(difference(".f32", at::kFloat) < 2e-6);
  }
}

TEST_CASE("of IResNet-18, what decays is what the reference lets decay") {
  const auto decayed = golden_numbers().at("iresnet18_se.decayed");
  std::vector<double> ours;
  const auto backbone = make_backbone({.depth = "18", .mode = "se"}, 1);
  for (const NamedTensor& entry : backbone->state())
    if (!entry.is_buffer && entry.trainable) ours.push_back(entry.weight_decay ? 1 : 0);
  CHECK(ours == decayed);
}

TEST_CASE("the learning rate of every update is that of the reference's loop") {
  const auto numbers = golden_numbers();
  Config config;
  config.train.lr = 0.1;
  config.train.epochs = 6;
  config.train.reduce_lr = {2, 4, 5};
  CHECK(rates(config, 3) == numbers.at("reduce_lr"));
  config.train.scheduler = true;
  config.train.epochs = 5;
  CHECK(rates(config, 4) == numbers.at("poly"));
  config.train.epochs = 7;
  config.train.warmup_epoch = 2;
  CHECK(rates(config, 4) == numbers.at("poly_warmup"));
}
