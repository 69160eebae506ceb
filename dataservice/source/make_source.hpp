// The source that a configuration names: data.train_source by the kind of each entry, several joined, then
// data.mask, data.label_map and data.mask_shrink.
#pragma once

#include "common/config/config.hpp"
#include "dataservice/source/source.hpp"
#include "dataservice/source/source_kind.hpp"  // open_source

namespace facetrain {

enum class Copies {
  kIgnored,  // data.stage is not followed: the sources are looked at where they are
  kStaged,   // packed sources are copied to data.stage, when it is set, and read there (stage.hpp)
};

// Throws Error(kConfig): none given, or an ending that no kind has (source_kind.cpp has the table);
// Error(kInput) from the sources, mask and label map themselves.
OpenedSource make_source(const Config& config, Copies copies = Copies::kIgnored);

}  // namespace facetrain
