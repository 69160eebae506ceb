#include "trainer/step/step_profile.hpp"

#include <numeric>
#include <utility>

#include "common/formatted.hpp"

namespace facetrain {
namespace {}  // namespace

const char* phase_name(Phase phase) {
  constexpr const char* kNames[kPhases] = {"data wait",     "forward",   "head",         "backward",
                                           "communication", "optimiser", "between steps"};
  return kNames[static_cast<std::size_t>(phase)];
}

double StepTimes::step() const {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

StepProfile::StepProfile(std::unique_ptr<PhaseTimer> timer, int warm_up, int steps)
    : timer_(std::move(timer)), warm_up_(warm_up), steps_(steps) {}

void StepProfile::begin_step() {
  ++step_;
  enter(Phase::kData);
}

void StepProfile::enter(Phase phase) {
  phase_ = phase;
  if (!profiled() || (!entered_.empty() && entered_.back() == phase)) return;
  timer_->mark(phase_name(phase));
  entered_.push_back(phase);
}

bool StepProfile::end_step() {
  if (step_ != warm_up_ + steps_) {
    enter(Phase::kBetween);
    return false;
  }
  timer_->mark(nullptr);  // what follows the last one belongs to no profiled step
  const std::vector<double> spans = timer_->spans();
  times_.steps = steps_;
  for (std::size_t i = 0; i < spans.size(); ++i)
    times_.seconds[static_cast<std::size_t>(entered_[i])] += spans[i] / steps_;
  entered_.clear();
  phase_ = Phase::kBetween;
  return true;
}

void enter_at_gradient(StepProfile* profile, const at::Tensor& t, Phase phase) {
  if (profile == nullptr || !t.requires_grad()) return;
  t.register_hook([profile, phase](const at::Tensor&) { profile->enter(phase); });
}

std::vector<std::string> profile_lines(const StepTimes& times, const StepWork& work) {
  const double step = times.step();
  std::vector<std::string> lines{formatted("Profile of %d steps: %.3f ms a step, %.2f samples/sec a trainer",
                                           times.steps, 1e3 * step, work.samples / step)};
  for (std::size_t i = 0; i < kPhases; ++i) {
    lines.push_back(formatted("  %-14s %10.3f ms %6.2f %%", phase_name(static_cast<Phase>(i)),
                              1e3 * times.seconds[i], 100 * times.seconds[i] / step));
  }
  if (work.flops > 0)
    lines.push_back(
        formatted("  %.3f GFLOP a step of the network: %.3f TFLOP/s, %.1f %% of the %.3f TFLOP/s of %s",
                  work.flops / 1e9, work.flops / step / 1e12, 100 * work.flops / step / work.peak,
                  work.peak / 1e12, work.product.c_str()));
  return lines;
}

}  // namespace facetrain
