// Where a run starts: at its first sample or where its newest checkpoint ended, with the node's data service
// joined and its data held against the checkpoint's.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/checkpoint/manifest.hpp"
#include "common/ipc/ring_consumer.hpp"
#include "common/mpi/communicators.hpp"
#include "common/mpi/job.hpp"
#include "trainer/checkpoint/resume.hpp"
#include "trainer/step/precision.hpp"

namespace facetrain {

struct RunStart {
  PlanPosition position;          // of the first update still to make
  std::optional<SavedRun> saved;  // what is to be restored; without: a new run
  RingConsumer ring;
  Manifest record;  // what this run's checkpoints will say of its configuration and data
};

// say: a line of the log. Throws Error for a checkpoint that this run may not go on from, and for data that
// is not the checkpoint's. Collective over the trainers, and in step with the services, which listen already.
RunStart find_start(const Job& job, const MpiComm& trainers, Precision precision,
                    const std::function<void(const std::string&)>& say);

}  // namespace facetrain
