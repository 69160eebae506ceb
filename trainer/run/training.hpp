// The training run of one trainer rank, from the job's configuration to the last exported model.
#pragma once

#include "common/mpi/job.hpp"
#include "common/mpi/session.hpp"
#include "common/stop_signal.hpp"
#include "common/watch/vitals.hpp"

namespace facetrain {

enum class RunEnd {
  kFinished,      // all epochs are done
  kCheckpointed,  // the stop signal came: the next run goes on where this one ended
};

// Goes on from the run's newest checkpoint, if it has one. Collective over the trainers, and in step with the
// nodes' data services. Writes below run_folder(config): checkpoints/ on all trainers; on the first one
// training.log, config.toml, log/ (TensorBoard), models/*.pth. Tells `vitals` how far it is. Throws Error for
// what ends the job.
RunEnd run_training(MpiSession& mpi, const Job& job, bool progress, StopSignal& stop, Vitals& vitals);

}  // namespace facetrain
