// Points in time on a device: the clock's on a CPU; events on the current stream of a GPU, which wait for
// nothing until they are read, with NVTX ranges between them for Nsight.
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <vector>

namespace facetrain {

class PhaseTimer {
 public:
  virtual ~PhaseTimer() = default;
  // From here on the device does `phase` (a literal); null: nothing that is timed.
  virtual void mark(const char* phase) = 0;
  // Seconds from each mark to the next one, in order; waits for the device and forgets the marks.
  virtual std::vector<double> spans() = 0;
};

std::unique_ptr<PhaseTimer> make_phase_timer(at::Device device);

// The CUDA half of it; throws Error(kInternal) in a CPU-only build. Defined in trainer/cuda/.
std::unique_ptr<PhaseTimer> make_gpu_phase_timer(at::Device device);

}  // namespace facetrain
