// Where in the training plan a run begins, goes on and ends: pure functions of the configuration, the size of
// the job and a checkpoint.
#pragma once

#include <string>

#include "common/checkpoint/manifest.hpp"
#include "common/config/config.hpp"

namespace facetrain {

// The first update of a new run, without steps_per_epoch, which the data's size decides.
PlanPosition first_position(const Config& config, int world, int nodes);

// Where a run of `now`'s world, nodes, global_batch and steps_per_epoch goes on: the same place while the
// global batch is the same. With another one: the update at or before it, so that no sample is left out.
PlanPosition resumed_position(const PlanPosition& saved, const PlanPosition& now);

// The same from what first_position() gave and the checkpoint's data. Throws as plan_shape() does.
PlanPosition resumed_position(const Manifest& saved, const PlanPosition& first, const Config& config);

// All epochs are done.
bool is_finished(const PlanPosition& position, const Config& config);

// What the log says of it.
std::string finished_text(const std::string& run_folder, const PlanPosition& position);
std::string resumed_text(const std::string& checkpoint_folder, const PlanPosition& saved,
                         const PlanPosition& position, const Config& config);
std::string stopped_text(const std::string& run_folder, const PlanPosition& position);

}  // namespace facetrain
