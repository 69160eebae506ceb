// The validation sets that a configuration names, as far as their files tell.
#pragma once

#include "common/check/finding.hpp"
#include "common/config/config.hpp"

namespace facetrain {

// Refused: a set without NAME/NAME.npy or NAME/issame.txt in validation.val_source. Else one kOk.
Findings validation_findings(const Config& config);

}  // namespace facetrain
