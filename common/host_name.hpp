// This machine's name, as messages show it.
#pragma once

#include <string>

namespace facetrain {

std::string host_name();

}  // namespace facetrain
