// What the cases of tests/gpu/ share: whether there is a GPU to run on, and which.
#pragma once

#include <c10/core/Device.h>

#include <cstdlib>
#include <iostream>

#include "trainer/cuda/device.hpp"

namespace facetrain::test {

// True where the case cannot run; says so, so that the row counts as skipped. cpu_may_stand_in: with
// FACETRAIN_PLAY_GPU=1 the CPU plays the GPU, which shows that the case works, not that a GPU does.
inline bool no_gpu(bool cpu_may_stand_in = false) {
  if (device_count() > 0) return false;
  if (cpu_may_stand_in && std::getenv("FACETRAIN_PLAY_GPU") != nullptr) return false;
  std::cout << "SKIPPED: no NVIDIA GPU here (" << why_no_device() << ")\n";
  return true;
}

// The first GPU, made the current one; the CPU where there is none.
inline at::Device first_gpu() {
  return training_device(Topology{}, {0});
}

}  // namespace facetrain::test
