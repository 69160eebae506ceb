// What a run says when its GPU's memory is full.
#pragma once

#include <string>

#include "common/config/config.hpp"
#include "common/error.hpp"

namespace facetrain {

// One line for the exception text `torch_says` of LibTorch's allocator: how much was asked for and how much
// there is, the keys that decide about memory with their values, and which to change.
std::string out_of_memory_text(const std::string& torch_says, const Config& config);

// common's current_failure(), for a main's catch; that of LibTorch's allocator with the text above and the
// exit code of a configuration. config: null while it is not known.
Failure current_failure(const Config* config);

}  // namespace facetrain
