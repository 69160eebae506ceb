// Whether a run may go on from a checkpoint: pure comparisons of what was with what is. Each function returns
// what stands in the way, with both values and what to do, or "" when nothing does.
#pragma once

#include <cstdint>
#include <string>

#include "common/checkpoint/manifest.hpp"
#include "common/config/config.hpp"

namespace facetrain {

// What a changed key does to a run that goes on.
enum class Change {
  kFree,  // nothing that matters: where files lie, how many processes, what is validated; or it is compared
          // in another form (the data by their digest, batch sizes by their product)
  kLr,    // another learning rate: checkpoint.allow = "lr"
  kPlan,  // other samples in a step: checkpoint.allow = "plan"
  kTraining,  // another recipe, with the same tensors: checkpoint.allow = "training"
  kNever,     // other tensors
};
Change change_of(const std::string& table, const std::string& key);

// The configuration of the checkpoint against this run's, whose checkpoint.allow permits changes.
std::string config_objection(const Config& saved, const Config& now);

// The job's size. `now`: world, nodes and global_batch of this run.
std::string plan_objection(const PlanPosition& saved, const PlanPosition& now, const Config& config);

std::string data_objection(const DataIdentity& saved, const DataIdentity& now);

// Throws Error(kConfig) with the objection, if there is one, to going on from this checkpoint.
void require_none(const std::string& objection, const std::string& checkpoint_folder);

}  // namespace facetrain
