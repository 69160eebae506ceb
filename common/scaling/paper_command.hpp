// `facetrain scale --paper`: a large job's sampling plan, staging plan, head shards and memory as tables.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace facetrain {

// `words` with --paper among them. Throws Error(kConfig) for wrong flags, a wrong configuration, or a
// backbone whose size is not known.
void paper_command(std::span<const std::string> words, std::ostream& out);

}  // namespace facetrain
