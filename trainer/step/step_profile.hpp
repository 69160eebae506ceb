// Where the time of a training step goes (facetrain train --profile N): the step says which phase it enters,
// and nothing is waited for before the last profiled step has ended.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "trainer/step/phase_timer.hpp"

namespace facetrain {

// Of one step, in its order. Each point in time belongs to one of them, so they add up to the step.
//   kData           waiting for the batch
//   kForward        the network, from pictures to embeddings
//   kHead           the head's forward and backward passes, without its exchanges
//   kBackward       the network's gradients
//   kCommunication  waiting for other ranks or for the wire, in any phase: what computing does not hide
//   kOptimizer      unscaling, clipping, the update
//   kBetween        from one step to the next one: reading the loss, the log
enum class Phase { kData, kForward, kHead, kBackward, kCommunication, kOptimizer, kBetween };
constexpr std::size_t kPhases = 7;
const char* phase_name(Phase phase);

// Seconds of one step by phase, means over the profiled ones.
struct StepTimes {
  std::array<double, kPhases> seconds{};
  int steps = 0;

  double operator[](Phase phase) const { return seconds[static_cast<std::size_t>(phase)]; }
  double step() const;  // all of it
};

class StepProfile {
 public:
  // Of `steps` steps after `warm_up` ones.
  StepProfile(std::unique_ptr<PhaseTimer> timer, int warm_up, int steps);

  void begin_step();
  // From here on the step does `phase`. Costs nothing outside the profiled steps.
  void enter(Phase phase);
  Phase phase() const { return phase_; }
  // Phase::kBetween begins. After the last profiled step: waits for the device, and true, once.
  bool end_step();

  const StepTimes& times() const { return times_; }  // when end_step() has been true

 private:
  bool profiled() const { return step_ > warm_up_ && step_ <= warm_up_ + steps_; }

  std::unique_ptr<PhaseTimer> timer_;
  int warm_up_, steps_;
  int step_ = 0;  // 1-based
  Phase phase_ = Phase::kBetween;
  std::vector<Phase> entered_;  // at each mark of the timer
  StepTimes times_;
};

// What a step calls: nothing for null.
inline void enter(StepProfile* profile, Phase phase) {
  if (profile != nullptr) profile->enter(phase);
}
// Enters `phase` when the gradient of `t` has been computed.
void enter_at_gradient(StepProfile* profile, const at::Tensor& t, Phase phase);

// What a step works out to.
struct StepWork {
  double samples = 0;   // of this rank
  double flops = 0;     // of the network's forward and backward, of this rank; 0: not known
  double peak = 0;      // flops per second that a matrix product reaches on this device
  std::string product;  // which one, for the text
};

// The lines of a profile: the step, each phase with its share, the share of the peak.
std::vector<std::string> profile_lines(const StepTimes& times, const StepWork& work);

}  // namespace facetrain
