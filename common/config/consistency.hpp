// How the values of a configuration fit together, beyond each key's own check.
#pragma once

#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace facetrain {

struct ConfigProblem {
  std::string key;   // "table.key": where to look
  std::string text;  // what is wrong and what to do
};

// Keys that contradict each other.
std::vector<ConfigProblem> inconsistencies(const Config& config);

}  // namespace facetrain
