// The heartbeats of a job: each process tells world rank 0 once a second that it lives and how far it is, and
// rank 0 tells all. Who finds a process silent or stuck (common/watch/liveness.hpp) names it in one line and
// ends the job: rank 0 and rank 1 after limits.silence, the others, for whom nobody speaks when their node is
// cut off, after twice that. No collective takes part, and nobody waits: a thread posts a short task to the
// MPI thread once a second, which takes the beats that have come and sends its own, except to whom the last
// one is still under way.
// Under srun a TERM asks for a checkpoint; a trainer that will never come to it leaves with 143
// (common/watch/stuck_after_term.hpp), as does an embedding job, which has nothing to keep, at once.
#pragma once

#include <memory>
#include <thread>

#include "common/mpi/communicators.hpp"
#include "common/mpi/job.hpp"
#include "common/stop_signal.hpp"
#include "common/watch/vitals.hpp"

namespace facetrain {

class JobWatch {
 public:
  // Collective over the world, services included, as is end(). stop: must outlive it.
  JobWatch(MpiSession& session, const Job& job, StopSignal& stop);
  // While an error unwinds, or without end(), it only stops beating.
  ~JobWatch();
  JobWatch(const JobWatch&) = delete;
  JobWatch& operator=(const JobWatch&) = delete;

  // What this process says of itself.
  Vitals& vitals();

  // This process is done: beats on until all are, so that one which falls silent at the end is named too.
  void end();

 private:
  struct State;
  void stop();

  MpiSession& session_;
  MpiComm comm_;
  std::shared_ptr<State> state_;  // shared with tasks that the MPI thread may never come to
  std::thread thread_;
};

}  // namespace facetrain
