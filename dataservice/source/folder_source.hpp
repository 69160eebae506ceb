// A plain folder as a source: a subfolder per identity. What `facetrain list` and the list's source would
// give for it, without the file in between, and for .jpg, .jpeg and .png together (capital letters too).
#pragma once

#include <string>

#include "dataservice/source/list_source.hpp"

namespace facetrain {

// Pictures by their absolute paths, sorted by folder name, then by file name. Throws Error(kInput): not a
// folder, one that cannot be read, or no picture below it.
ListSource open_folder(const std::string& path);

}  // namespace facetrain
