// The identities of any source: how many pictures each has.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/check/finding.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

// counts[c]: pictures with label c. Throws Error(kInput) for a label outside 0 .. classes - 1.
std::vector<std::uint32_t> pictures_of_identities(const Source& source);

// Warned: gaps (labels without a picture: classes that cost memory and are only pushed away), identities of
// one picture (nothing holds their centre but that picture), a data set of one identity. Else one kOk.
Findings identity_findings(std::span<const std::uint32_t> counts, const std::string& name);

}  // namespace facetrain
