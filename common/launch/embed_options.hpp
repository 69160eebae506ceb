// The command line of `facetrain embed`, and the configuration that it stands for: an embedding job is a job
// like a training run, so that the line which `facetrain embed` prints works when typed by hand.
#pragma once

#include <span>
#include <string>

#include "common/launch/launch_plan.hpp"

namespace facetrain {

struct EmbedOptions {
  LaunchRequest request;  // without a file: every key is in request.sets
  std::string source;
  std::string model_path;
  std::string destination;  // the .npy
  std::string per_image;    // folder of a .npy per picture; empty: none
  bool dry_run = false;
  bool help = false;
};

// gpus: visible on this machine; decides the default batch (512 on a GPU, as the parent's; 32 on a CPU).
// Throws Error(kConfig) for an unknown, missing or wrong flag, unless --help is given.
EmbedOptions parse_embed_options(std::span<const std::string> words, int gpus);

std::string embed_usage();

}  // namespace facetrain
