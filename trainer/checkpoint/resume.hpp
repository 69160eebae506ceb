// How a run finds what it goes on from.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/checkpoint/manifest.hpp"
#include "common/config/config.hpp"
#include "common/mpi/communicators.hpp"
#include "trainer/checkpoint/training_state.hpp"

namespace facetrain {

struct SavedRun {
  std::string folder;  // of the checkpoint
  Manifest manifest;
  std::vector<LoadedTensor> tensors;  // as this rank needs them; none when the run is finished
};

// The newest whole checkpoint of the run; when it has none, that of run.resume; nothing when there is
// neither. Damaged ones are passed over, on all ranks alike, and named through `say`. now: world, nodes and
// global_batch. Throws Error(kConfig) for one that this run may not go on from, with the values that differ,
// Error(kInput) when there are checkpoints but no whole one. Collective.
std::optional<SavedRun> find_saved_run(const Config& config, const std::string& run_folder,
                                       const PlanPosition& now, const MpiComm& trainers,
                                       const std::function<void(const std::string&)>& say);

// The checkpoints that a run may go on from, best first: folders.
std::vector<std::string> candidates(const Config& config, const std::string& run_folder);

}  // namespace facetrain
