// The command line of `facetrain train`.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "common/launch/launch_plan.hpp"

namespace facetrain {

struct TrainOptions {
  LaunchRequest request;
  bool fresh = false;         // a new run, in a folder of its own
  bool dry_run = false;       // print placement and line, start nothing
  bool print_config = false;  // print the resolved configuration, start nothing
  bool help = false;
};

// `--option value` and `--option=value`. --gpus 0,2 becomes the overrides launch.gpus=[0,2] and
// launch.trainers=2, after all others; --init-from, --init-head, --trace and --profile become run.init_from,
// run.init_head, run.trace and run.profile, --allow-change lr,plan becomes checkpoint.allow=["lr","plan"].
// Throws Error(kConfig) with a suggestion for an unknown option; needs
// --config unless --help is given.
TrainOptions parse_train_options(std::span<const std::string> words);

// --gpus LIST, "0,2", as the overrides launch.gpus=[0,2] and launch.trainers=2 that it stands for. Throws
// Error(kConfig) naming --gpus for what is no list of numbers.
std::vector<std::string> gpu_overrides(const std::string& list);

// The prefix of a fresh run: the one given with the local time behind it, "arcface-2025-01-01-12-00-59".
std::string fresh_prefix(const std::string& prefix, std::chrono::system_clock::time_point now);

std::string train_usage();

}  // namespace facetrain
