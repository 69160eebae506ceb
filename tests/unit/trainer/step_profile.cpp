// A step's profile: the phases and their names, what they add up to, which steps count, nested waiting for
// other ranks; a real step's phases in their order.
#include "trainer/step/step_profile.hpp"

#include <ATen/ATen.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/head/head.hpp"
#include "trainer/optim/sgd.hpp"
#include "trainer/run/profile_run.hpp"
#include "trainer/step/profiled_communicator.hpp"
#include "trainer/step/train_step.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

// Every phase takes as many seconds as marks were set before it: 1, 2, 3, ...
struct CountingTimer final : PhaseTimer {
  explicit CountingTimer(std::vector<std::string>& seen) : seen_(seen) {}
  void mark(const char* phase) override { seen_.push_back(phase == nullptr ? "end" : phase); }
  std::vector<double> spans() override {
    std::vector<double> spans(seen_.size() - 1);
    std::iota(spans.begin(), spans.end(), 1.0);
    return spans;
  }
  std::vector<std::string>& seen_;
};

TrainState make_state(Backbone& backbone, ShardedClassifier& classifier, GradientBuckets& buckets, Sgd& sgd,
                      Communicator& trainers, StepProfile& profile) {
  TrainState state{backbone, classifier, buckets, sgd, nullptr, trainers};
  state.profile = &profile;
  return state;
}

}  // namespace

TEST_CASE("phases have names, all different") {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kPhases; ++i) names.emplace_back(phase_name(static_cast<Phase>(i)));
  CHECK(names == std::vector<std::string>{"data wait", "forward", "head", "backward", "communication",
                                          "optimiser", "between steps"});
}

TEST_CASE("only the steps after the warm-up count, and their phases add up to all of their time") {
  std::vector<std::string> seen;
  StepProfile profile(std::make_unique<CountingTimer>(seen), 1, 2);
  int ended = 0;
  for (int step = 0; step < 4; ++step) {
    profile.begin_step();
    profile.enter(Phase::kForward);
    profile.enter(Phase::kOptimizer);
    if (profile.end_step()) ++ended;
    if (step == 0) CHECK(seen.empty());
  }
  CHECK(ended == 1);
  // data forward optimiser between | data forward optimiser end: 1 2 3 4 5 6 7
  CHECK(seen == std::vector<std::string>{"data wait", "forward", "optimiser", "between steps", "data wait",
                                         "forward", "optimiser", "end"});
  const StepTimes& times = profile.times();
  CHECK(times.steps == 2);
  CHECK(times[Phase::kData] == 3);
  CHECK(times[Phase::kForward] == 4);
  CHECK(times[Phase::kOptimizer] == 5);
  CHECK(times[Phase::kBetween] == 2);
  CHECK(times.step() == 14);
}

TEST_CASE("waiting for other ranks is taken out of the phase around it") {
  std::vector<std::string> seen;
  StepProfile profile(std::make_unique<CountingTimer>(seen), 0, 1);
  SelfCommunicator alone;
  ProfiledCommunicator trainers(alone, profile);
  profile.begin_step();
  profile.enter(Phase::kHead);
  trainers.barrier();
  CHECK(profile.phase() == Phase::kHead);
  Work work = trainers.all_reduce_async(at::ones({2}), ReduceOp::kSum);
  CHECK(seen == std::vector<std::string>{"data wait", "head", "communication", "head"});  // under way only
  work.wait();
  CHECK(profile.end_step());
  CHECK(seen == std::vector<std::string>{"data wait", "head", "communication", "head", "communication",
                                         "head", "end"});
}

TEST_CASE("a step enters its phases in their order, and a CPU's times add up to the clock's") {
  std::vector<std::string> seen;
  StepProfile counted(std::make_unique<CountingTimer>(seen), 0, 1);
  StepProfile timed(make_phase_timer(at::kCPU), 0, 3);
  SelfCommunicator alone;
  Config config;
  config.head.margin = {0.5};
  const auto backbone =
      make_backbone({.model = "mobilefacenet", .width = 0.1, .embedding_size = 16}, /*seed=*/1);
  ShardedClassifier classifier({.classes = 4, .embedding_size = 16}, make_head(config), alone);
  GradientBuckets buckets(trainable_parameters(*backbone), alone);
  Sgd sgd(trained_parameters(*backbone, classifier), 0.9, 5e-4);
  const Batch batch{at::rand({2, 3, 112, 112}), at::arange(2)};

  TrainState state = make_state(*backbone, classifier, buckets, sgd, alone, counted);
  counted.begin_step();
  train_step(state, batch, {}, 0.01);
  CHECK(counted.end_step());
  CHECK(seen == std::vector<std::string>{"data wait", "forward", "head", "backward", "communication",
                                         "optimiser", "end"});

  state.profile = &timed;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    timed.begin_step();
    train_step(state, batch, {}, 0.01);
    CHECK(timed.end_step() == (i == 2));
  }
  const double clock = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  CHECK(timed.times().step() * 3 == doctest::Approx(clock).epsilon(0.02));
  for (const Phase phase : {Phase::kForward, Phase::kHead, Phase::kBackward, Phase::kOptimizer})
    CHECK(timed.times()[phase] > 0);
  CHECK(timed.times()[Phase::kBackward] > timed.times()[Phase::kOptimizer]);
}

TEST_CASE("the lines of a profile") {
  StepTimes times;
  times.steps = 20;
  times.seconds = {0.001, 0.030, 0.004, 0.060, 0.002, 0.003, 0.000};
  const std::vector<std::string> lines = profile_lines(times, {32, 2e9, 40e9, "a product"});
  REQUIRE(lines.size() == 9);
  CHECK(lines[0] == "Profile of 20 steps: 100.000 ms a step, 320.00 samples/sec a trainer");
  CHECK(lines[1] == "  data wait           1.000 ms   1.00 %");
  CHECK(lines[4] == "  backward           60.000 ms  60.00 %");
  CHECK(lines[8] ==
        "  2.000 GFLOP a step of the network: 0.020 TFLOP/s, 50.0 % of the 0.040 TFLOP/s of a product");
  CHECK(profile_lines(times, {32, 0, 0, ""}).size() == 8);
}

TEST_CASE("a run that is too short for its profile is refused before it starts") {
  Config config;
  config.run.profile = 10;
  CHECK_NOTHROW(require_steps_for_profile(config, 15));
  CHECK_THROWS_WITH_AS(require_steps_for_profile(config, 14),
                       "run.profile: 10 steps after 5 need a run of 15 steps; this one has 14: profile "
                       "fewer, or train more epochs",
                       Error);
}
