// `facetrain train --profile N`: what a run measures of its steps, and what the log says of it.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "common/config/config.hpp"
#include "common/precision.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/log/training_log.hpp"
#include "trainer/step/matmul_rate.hpp"
#include "trainer/step/profiled_communicator.hpp"
#include "trainer/step/step_profile.hpp"

namespace facetrain {

constexpr int kProfileWarmUp = 5;  // steps: the first ones allocate memory and choose algorithms

class ProfiledRun {
 public:
  // Measures what a matrix product reaches here, before anything else uses the device. trainers and config
  // outlive it.
  ProfiledRun(const Config& config, Communicator& trainers, at::Device device, Precision precision);

  StepProfile& steps() { return steps_; }
  Communicator& trainers() { return trainers_; }  // whose waiting is counted
  // After the last profiled step: its lines.
  void report(TrainingLog& log) const;

 private:
  const Config& config_;
  MatmulRate peak_;
  StepProfile steps_;
  ProfiledCommunicator trainers_;
};

// Throws Error(kConfig) when a run of so many steps is too short for run.profile.
void require_steps_for_profile(const Config& config, std::int64_t steps);

}  // namespace facetrain
