// Whether the processes of a job are of one build: others may lay out messages and shared memory differently.
#pragma once

#include <span>
#include <string>

namespace facetrain {

struct ProcessBuild {
  std::string process;  // "trainer (rank 1 on n1)"
  std::string build;    // its build_text()
};

// Names the first process and the first one of another build, with both builds and what to do; empty where
// all are of one.
std::string build_mismatch(std::span<const ProcessBuild> processes);

}  // namespace facetrain
