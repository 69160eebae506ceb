// `facetrain config`: prints a resolved configuration or the reference of all keys.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace facetrain {

// config --reference | config FILE [--set table.key=value]... [--comments] [--digest]. Throws Error(kConfig).
void config_command(std::span<const std::string> words, std::ostream& out);

}  // namespace facetrain
