// What a run says when its GPU's memory is full.
#pragma once

#include <string>

#include "common/config/config.hpp"

namespace facetrain {

// One line for the exception text `torch_says` of LibTorch's allocator: how much was asked for and how much
// there is, the keys that decide about memory with their values, and which to change.
std::string out_of_memory_text(const std::string& torch_says, const Config& config);

}  // namespace facetrain
