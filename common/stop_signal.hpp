// SIGUSR1 as a question that is asked between steps, not a handler: "finish the step, write a checkpoint,
// end".
#pragma once

#include "common/ipc/fd.hpp"

namespace facetrain {

// Make it before any thread starts: each thread inherits that the signal is held back.
class StopSignal {
 public:
  // Throws Error(kInternal).
  StopSignal();
  // The signal has come, once or more often.
  bool has_come();

 private:
  Fd fd_;
  bool has_come_ = false;
};

// For a process that the signal does not concern, though mpirun hands it to every one.
void ignore_stop_signal();

}  // namespace facetrain
