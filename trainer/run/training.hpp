// The training run of one trainer rank, from the job's configuration to the last exported model.
#pragma once

#include "common/mpi/job.hpp"
#include "common/mpi/session.hpp"

namespace facetrain {

// Collective over the trainers, and in step with the nodes' data services. Writes below run_folder(config),
// on the first trainer: training.log, config.toml, log/ (TensorBoard), models/*.pth. Throws Error for what
// ends the job.
void run_training(MpiSession& mpi, const Job& job, bool progress);

}  // namespace facetrain
