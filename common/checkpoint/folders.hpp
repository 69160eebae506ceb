// The folders of a run's checkpoints: what they are called, which there are, which may go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/checkpoint/manifest.hpp"

namespace facetrain {

std::string checkpoints_folder(const std::string& run_folder);  // <run>/checkpoints
std::string checkpoint_name(std::int64_t updates);              // "step_40"
// N of "step_N"; nothing for any other name.
std::optional<std::int64_t> updates_of(std::string_view name);
// Where a checkpoint is written before it is whole: "step_40.tmp.<nonce>", the nonce naming the job.
std::string unfinished_name(std::int64_t updates, std::uint64_t nonce);

// Updates of the finished checkpoints in `folder`, newest first; none when there is no such folder. Throws
// Error(kIo) when the folder cannot be read: a run that took it for empty would begin anew.
std::vector<std::int64_t> list_checkpoints(const std::string& folder);
// Removes what jobs that died left unfinished there. Only for the one job that writes there.
void remove_unfinished(const std::string& folder);

// Throws Error(kInput) when the manifest is missing or damaged.
Manifest read_manifest(const std::string& checkpoint_folder);

// Which of several may go: all but the `keep` latest (by step) and the best (by accuracy, the earliest of
// equals; 0 and below: not validated). keep 0: none goes. Indices into `all`.
struct Kept {
  std::int64_t step = 0;
  double accuracy = -1;
};
std::vector<std::size_t> removable(const std::vector<Kept>& all, std::int64_t keep);

// Step and accuracy of an exported model's file name (model_<time>_accuracy;<a>_step;<n>.pth); nothing for
// any other name.
std::optional<Kept> export_of(std::string_view file_name);

// Removes the checkpoints of more updates than `updates`: damaged ones, which the run has gone back behind
// and which would count as the latest. One that cannot be removed stays.
void remove_later(const std::string& folder, std::int64_t updates);

// Removes the checkpoints, or exported models, in `folder` that may go. An entry that cannot be removed
// stays.
void retain_checkpoints(const std::string& folder, std::int64_t keep);
// Models of more than `step` steps are another run's: they neither go nor count.
void retain_exports(const std::string& folder, std::int64_t keep, std::int64_t step);

}  // namespace facetrain
