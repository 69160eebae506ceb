// What the challenge fixes besides the data: "you are not supposed to change any training hyperparameters"
// (README.md of iccv2025-fr-competition, "FR model training"; its configs/arcface_r50_default.py marks with
// "make changes here" what is free: prefix, sources, validation sets).
#pragma once

#include "common/check/finding.hpp"
#include "common/config/config.hpp"

namespace facetrain {

// The challenge's values: configs/arcface_r50_default.toml (a test compares them), so that the check does not
// depend on where that file is.
Config challenge_config();

// One finding a key that differs in what must not be changed, or one kOk. Free are the tables run (but for
// init_from and init_head), validation, launch and embed, and in data what says which pictures are used and
// how they are read; the batch is batch_findings' matter. Arithmetic (train.precision) is a warning.
Findings challenge_findings(const Config& config, Rules rules);

// trainers x train.batch_size (x train.accumulate) against 4 x 128. The same product in other parts is a
// warning: each rank's BatchNorm then sees another number of pictures.
Findings batch_findings(const Config& config, int trainers, Rules rules);

}  // namespace facetrain
