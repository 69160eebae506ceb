#include "common/build_match.hpp"

#include <algorithm>

namespace facetrain {

std::string build_mismatch(std::span<const ProcessBuild> processes) {
  const auto other = std::find_if(processes.begin(), processes.end(), [&](const ProcessBuild& process) {
    return process.build != processes.front().build;
  });
  if (other == processes.end()) return "";
  const ProcessBuild& first = processes.front();
  return first.process + " is of build " + first.build + ", but " + other->process + " of build " +
         other->build + ": start the programs of one build on all nodes (`facetrain --version` tells it)";
}

}  // namespace facetrain
