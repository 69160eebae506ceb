// The source that a configuration names: data.train_source by the kind of each entry, several joined, then
// data.mask, data.label_map and data.mask_shrink.
#pragma once

#include "common/config/config.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

// A new kind is one line in the table in make_source.cpp; a folder whose name has none of its endings is a
// folder source. Throws Error(kConfig): none given, or an ending that no kind has; Error(kInput) from the
// sources, mask and label map themselves.
OpenedSource make_source(const Config& config);

// The source at `path`, its kind taken from the ending: a list, a folder, an LMDB, tar shards, train.rec.
// Throws as make_source does.
OpenedSource open_source(const std::string& path);

}  // namespace facetrain
