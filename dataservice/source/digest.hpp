// A data set told apart from another, or from itself before it was changed: what a checkpoint remembers, so
// that a run does not go on with other pictures or other labels.
#pragma once

#include <cstdint>

#include "dataservice/source/source.hpp"

namespace facetrain {

// Of every sample's fingerprint and label, in order, and of the bytes of a few pictures spread over all (to
// look at 5,000,000 files would take minutes on a network). Does not depend on `threads` (at least 1). Throws
// Error(kIo) when storage fails.
std::uint64_t data_digest(const Source& source, int threads);

}  // namespace facetrain
