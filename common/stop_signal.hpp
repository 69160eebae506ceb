// The signals that ask a job to stop as a question that is asked between steps, not a handler: "finish the
// step, write a checkpoint, end".
#pragma once

#include <atomic>

#include "common/ipc/fd.hpp"

namespace facetrain {

enum class StopOn {
  kUsr1,
  kUsr1AndTerm,  // whoever sends a TERM gives time for a checkpoint before the KILL
};

// The first thing that main() does: the signals wait for a StopSignal, also through exec, instead of ending a
// process that has only just started. Until somebody asks it they do nothing: a process that hangs before the
// job has come together is left to the KILL that follows.
void hold_stop_signals(StopOn on);

// Make it before any thread starts: each thread inherits that the signals are held back. A process that they
// do not concern, though every one gets them, makes one too. Any thread may ask.
class StopSignal {
 public:
  // Throws Error(kInternal).
  explicit StopSignal(StopOn on);
  // One of the signals has come, once or more often.
  bool has_come();
  // One was a TERM: a KILL may follow.
  bool term_has_come();

 private:
  void look();

  Fd fd_;
  std::atomic<bool> has_come_{false}, term_has_come_{false};
};

}  // namespace facetrain
