// `facetrain scale`: what a configuration would reach on 1 to 64 GPUs and 10K to 10M identities.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace facetrain {

// Throws Error(kConfig) for wrong flags, a wrong configuration, or a backbone whose cost is not known.
void scaling_command(std::span<const std::string> words, std::ostream& out);

}  // namespace facetrain
