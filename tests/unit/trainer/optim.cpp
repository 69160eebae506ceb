// The update rules, clipping, the learning rate and the loss scale against their formulas.
#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "common/error.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/optim/adamw.hpp"
#include "trainer/optim/grad_norm.hpp"
#include "trainer/optim/learning_rate.hpp"
#include "trainer/optim/loss_scale.hpp"
#include "trainer/optim/nonfinite.hpp"
#include "trainer/optim/sgd.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

at::Tensor leaf(std::vector<double> values, at::ScalarType type = at::kDouble) {
  return at::tensor(values, at::kDouble).to(type).set_requires_grad(true);
}

void give_gradient(at::Tensor& parameter, std::vector<double> values) {
  parameter.mutable_grad() = at::tensor(values, at::kDouble).to(parameter.scalar_type());
}

bool near(const at::Tensor& tensor, std::vector<double> values, double tolerance = 1e-15) {
  return tensor.detach().to(at::kDouble).allclose(at::tensor(values, at::kDouble), tolerance, tolerance);
}

}  // namespace

TEST_CASE("SGD: momentum from the second step on, decay where wanted") {
  at::Tensor decayed = leaf({1.0, -2.0}), plain = leaf({1.0});
  Sgd sgd({{decayed, true}, {plain, false}}, 0.9, 0.1);
  give_gradient(decayed, {0.5, 0.5});
  give_gradient(plain, {0.5});
  sgd.step(0.1);
  CHECK(near(decayed, {1.0 - 0.1 * 0.6, -2.0 - 0.1 * 0.3}));
  CHECK(near(plain, {0.95}));
  const double v0 = 0.9 * 0.6 + 0.5 + 0.1 * 0.94, v1 = 0.9 * 0.3 + 0.5 + 0.1 * -2.03;
  sgd.step(0.01);
  CHECK(near(decayed, {0.94 - 0.01 * v0, -2.03 - 0.01 * v1}));
  CHECK(near(plain, {0.95 - 0.01 * 0.95}));
  CHECK(near(sgd.velocities()[0], {v0, v1}));
}

TEST_CASE("SGD without momentum") {
  at::Tensor parameter = leaf({1.0, -2.0});
  Sgd sgd({{parameter, true}}, 0.0, 0.1);
  CHECK(sgd.state().empty());
  for (int step = 0; step < 2; ++step) {
    give_gradient(parameter, {0.5, 0.5});
    sgd.step(0.1);
  }
  CHECK(near(parameter, {0.94 - 0.1 * (0.5 + 0.094), -2.03 - 0.1 * (0.5 - 0.203)}));
}

TEST_CASE("SGD follows a gradient that lies in memory in another order") {
  at::Tensor parameter = at::zeros({2, 3, 2, 2}, at::kDouble).contiguous(at::MemoryFormat::ChannelsLast);
  parameter.set_requires_grad(true);
  parameter.mutable_grad() = at::arange(24, at::kDouble).view({2, 3, 2, 2});
  Sgd({{parameter, true}}, 0.9, 0.0).step(1.0);
  CHECK(parameter.detach().equal(-parameter.grad()));
}

TEST_CASE("SGD does nothing at an overflow, and says when a gradient is missing") {
  at::Tensor parameter = leaf({1.0}, at::kFloat);
  Sgd sgd({{parameter, true}}, 0.9, 0.0);
  CHECK_THROWS_AS(sgd.step(0.1), Error);
  give_gradient(parameter, {std::numeric_limits<double>::infinity()});
  sgd.step(0.1, at::ones({1}));
  CHECK(parameter.item<float>() == 1.0f);
  CHECK(sgd.velocities()[0].item<float>() == 0.0f);
  give_gradient(parameter, {2.0});
  sgd.step(0.25, at::zeros({1}));
  CHECK(parameter.item<float>() == 0.5f);
}

TEST_CASE("AdamW's step has the size of the learning rate, and decay is apart from it") {
  at::Tensor decayed = leaf({1.0, -2.0}), plain = leaf({1.0});
  AdamW adamw({{decayed, true}, {plain, false}}, 0.1);
  give_gradient(decayed, {0.5, -3.0});
  give_gradient(plain, {1e-3});
  adamw.step(0.01);
  CHECK(near(decayed, {1.0 - 0.001 - 0.01, -2.0 + 0.002 + 0.01}, 1e-7));
  CHECK(near(plain, {1.0 - 0.001 - 0.01}, 1e-6));  // the flag is SGD's
  const auto state = adamw.state();
  REQUIRE(state.size() == 3);
  CHECK(near(state[0].tensors[0], {0.05, -0.3}));
  CHECK(near(state[1].tensors[0], {0.00025, 0.009}));
  CHECK(near(state[2].tensors[0], {1}));
}

TEST_CASE("AdamW does nothing at an overflow and does not count it") {
  at::Tensor skipping = leaf({1.0}, at::kFloat), plain = leaf({1.0}, at::kFloat);
  AdamW a({{skipping, true}}, 0.0), b({{plain, true}}, 0.0);
  CHECK_THROWS_AS(a.step(0.1), Error);
  for (const double gradient : {2.0, -1.0, 0.5}) {
    give_gradient(skipping, {std::numeric_limits<double>::infinity()});
    a.step(0.1, at::ones({1}));
    give_gradient(skipping, {gradient});
    a.step(0.1, at::zeros({1}));
    give_gradient(plain, {gradient});
    b.step(0.1);
    CHECK(skipping.item<float>() == plain.item<float>());
  }
  CHECK(a.state()[2].tensors[0].item<float>() == 3.0f);
}

TEST_CASE("the configuration names the rule; its state can be copied into another") {
  Config config;
  for (const std::string name : {"sgd", "adamw"}) {
    config.train.optimizer = name;
    at::Tensor first = leaf({1.0, 2.0}), second = leaf({1.0, 2.0});
    const auto a = make_optimizer(config, {{first, true}}), b = make_optimizer(config, {{second, true}});
    give_gradient(first, {0.5, -1.0});
    a->step(0.1);
    second.detach().copy_(first.detach());
    const auto from = a->state(), to = b->state();
    REQUIRE(from.size() == to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      CHECK(from[i].name == to[i].name);
      for (std::size_t j = 0; j < from[i].tensors.size(); ++j) {
        at::Tensor target = to[i].tensors[j];
        target.copy_(from[i].tensors[j]);
      }
    }
    give_gradient(first, {2.0, 1.0});
    give_gradient(second, {2.0, 1.0});
    a->step(0.1);
    b->step(0.1);
    CHECK(first.detach().equal(second.detach()));
  }
  config.train.optimizer = "adam";
  CHECK_THROWS_AS(make_optimizer(config, {}), Error);
}

TEST_CASE("clipping bounds the norm over all gradients and leaves a smaller one alone") {
  const at::Tensor a = at::tensor({3.0, 4.0}, at::kDouble), b = at::tensor({12.0}, at::kDouble);
  const at::Tensor norm = norm_of({a, b});
  CHECK(norm.item<double>() == doctest::Approx(13.0).epsilon(1e-15));
  CHECK(clip_factor(norm, 5.0).item<double>() == doctest::Approx(5.0 / (13.0 + 1e-6)).epsilon(1e-15));
  CHECK(clip_factor(norm, 14.0).item<double>() == 1.0);
  CHECK(norm_of({}).item<double>() == 0.0);
}

TEST_CASE("the norm of a large float32 gradient is right") {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(1);
  const at::Tensor values = at::randn({5, 300'000, 3}, generator);
  const double exact = values.to(at::kDouble).norm().item<double>();
  CHECK((norm_of({values}).scalar_type() == at::kFloat));
  CHECK(norm_of({values}).item<double>() == doctest::Approx(exact).epsilon(1e-7));
}

TEST_CASE("an update unscales all gradients and clips those that are to be clipped") {
  for (const std::string rule : {"sgd", "adamw"}) {
    CAPTURE(rule);
    Config config;
    config.train.optimizer = rule;
    at::Tensor clipped = leaf({1.0, -2.0}), free = leaf({1.0});
    at::Tensor clipped_twin = leaf({1.0, -2.0}), free_twin = leaf({1.0});
    const auto a = make_optimizer(config, {{clipped, true, true}, {free, true, false}});
    const auto b = make_optimizer(config, {{clipped_twin, true}, {free_twin, true}});
    for (const double gradient : {8.0, -4.0}) {
      give_gradient(clipped, {gradient, gradient / 2});
      give_gradient(free, {gradient});
      give_gradient(clipped_twin, {gradient / 4 / 8, gradient / 2 / 4 / 8});
      give_gradient(free_twin, {gradient / 4});
      a->step(0.1, at::zeros({1}), {at::full({}, 1.0 / 4), at::full({}, 1.0 / 8, at::kDouble)});
      b->step(0.1);
    }
    CHECK(clipped.detach().equal(clipped_twin.detach()));
    CHECK(free.detach().equal(free_twin.detach()));
  }
}

TEST_CASE("the learning rate falls by ten at the start of the 1-based epochs of reduce_lr") {
  Config config;
  config.train.lr = 0.1;
  config.train.reduce_lr = {12, 20, 24, 20};
  CHECK(learning_rate(config, 0, 7) == 0.1);
  CHECK(learning_rate(config, 10 * 7, 7) == 0.1);  // epoch 11
  CHECK(learning_rate(config, 11 * 7 - 1, 7) == 0.1);
  CHECK(learning_rate(config, 11 * 7, 7) == 0.1 / 10);
  CHECK(learning_rate(config, 18 * 7, 7) == 0.1 / 10);
  CHECK(learning_rate(config, 19 * 7, 7) == 0.1 / 10 / 10);
  CHECK(learning_rate(config, 26 * 7 - 1, 7) == 0.1 / 10 / 10 / 10);
}

TEST_CASE("the polynomial schedule warms up from 0, one update late, and falls to almost 0") {
  Config config;
  config.train.lr = 0.1;
  config.train.scheduler = true;
  config.train.epochs = 5;
  config.train.reduce_lr = {1};  // not this schedule's
  CHECK(learning_rate(config, 0, 4) == 0.1);
  CHECK(learning_rate(config, 1, 4) == 0.1);
  CHECK(learning_rate(config, 11, 4) == 0.1 * 0.25);  // t = 10 of 20
  config.train.warmup_epoch = 1;
  CHECK(learning_rate(config, 0, 4) == 0);
  CHECK(learning_rate(config, 1, 4) == 0);
  CHECK(learning_rate(config, 2, 4) == 0.1 * 0.25);
  CHECK(learning_rate(config, 5, 4) == 0.1);
  CHECK(learning_rate(config, 13, 4) == 0.1 * 0.25);  // half-way between the warm-up's end and the run's
  CHECK(learning_rate(config, 19, 4) == doctest::Approx(0.1 / 64));
}

TEST_CASE("the loss scale halves at an overflow and doubles after an interval without") {
  SelfCommunicator alone;
  LossScale scale(at::kCPU, 8.0, 2);
  CHECK(scale.scale(at::ones({})).item<float>() == 8.0f);
  CHECK(scale.inverse().item<float>() == 0.125f);
  at::Tensor overflow = nonfinite(at::full({}, std::nan("")), {}, alone);
  CHECK(overflow.item<float>() == 1.0f);
  scale.update(overflow);
  CHECK(scale.value().item<float>() == 4.0f);
  for (const float expected : {4.0f, 8.0f, 8.0f, 16.0f}) {
    scale.update(nonfinite(at::ones({}), {at::ones({3}), at::zeros({0, 4})}, alone));
    CHECK(scale.value().item<float>() == expected);
  }
}

TEST_CASE("an infinity or NaN anywhere is an overflow") {
  SelfCommunicator alone;
  for (const double bad : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    CAPTURE(bad);
    CHECK(nonfinite(at::full({}, bad), {at::ones({3})}, alone).item<float>() == 1.0f);
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
      at::Tensor own = at::full({1000}, 3e38, type);  // large, but finite
      const at::Tensor norm = at::ones({}, type);
      CHECK(nonfinite(norm, {at::ones({2}, type), own}, alone).item<float>() == 0.0f);
      own[777] = -bad;
      CHECK(nonfinite(norm, {at::ones({2}, type), own}, alone).item<float>() == 1.0f);
    }
  }
}
