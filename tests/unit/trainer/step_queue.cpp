// The training loop runs ahead of its log: steps are reported in order, when their loss has arrived.
#include "trainer/log/step_queue.hpp"

#include <ATen/ATen.h>

#include <map>
#include <vector>

#include "trainer/cuda/scalar_copy.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

// A device that a test finishes steps on.
struct FakeDevice {
  std::map<std::int64_t, double> finished;  // by step
  std::vector<std::int64_t> waited_for;     // steps that were read before they had arrived

  PendingNumber loss(std::int64_t step, double value) {
    return {[this, step] { return finished.contains(step); },
            [this, step, value] {
              if (!finished.contains(step)) waited_for.push_back(step);
              return value;
            }};
  }
};

struct Reports {
  std::vector<std::int64_t> steps;
  std::vector<double> losses;
  void operator()(const StepDone& done) {
    steps.push_back(done.step);
    losses.push_back(done.loss);
  }
};

}  // namespace

TEST_CASE("a step is reported with its own loss, after it has arrived, in order; nothing is waited for") {
  FakeDevice device;
  Reports reports;
  StepQueue queue([&](const StepDone& done) { reports(done); });
  queue.push({.step = 1}, device.loss(1, 0.5));
  queue.push({.step = 2}, device.loss(2, 0.25));
  CHECK(reports.steps.empty());
  device.finished[2];  // not before its predecessor
  queue.push({.step = 3}, device.loss(3, 0.125));
  CHECK(reports.steps.empty());
  device.finished[1];
  queue.push({.step = 4}, device.loss(4, 4.0));
  CHECK(reports.steps == std::vector<std::int64_t>{1, 2});
  CHECK(reports.losses == std::vector<double>{0.5, 0.25});
  CHECK(device.waited_for.empty());
}

TEST_CASE("an epoch's end waits for the rest, and the loop runs ahead by so many steps only") {
  FakeDevice device;
  Reports reports;
  StepQueue queue([&](const StepDone& done) { reports(done); }, 2);
  for (std::int64_t step = 1; step <= 4; ++step)
    queue.push({.step = step}, device.loss(step, static_cast<double>(step)));
  CHECK(device.waited_for == std::vector<std::int64_t>{1, 2});
  CHECK(reports.steps == std::vector<std::int64_t>{1, 2});
  queue.flush();
  CHECK(device.waited_for == std::vector<std::int64_t>{1, 2, 3, 4});
  CHECK(reports.losses == std::vector<double>{1, 2, 3, 4});
  queue.flush();
  CHECK(reports.steps.size() == 4);
}

TEST_CASE("a scalar on the CPU is there at once, as it was then") {
  at::Tensor loss = at::full({}, 1.5);
  const ScalarCopy copy(loss);
  loss.fill_(2);
  CHECK(copy.arrived());
  CHECK(copy.value() == 1.5);
}
