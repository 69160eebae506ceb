// The source that a configuration names, by the kind of data.train_source.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

struct OpenedSource {
  std::unique_ptr<Source> source;
  std::vector<std::string> warnings;  // lines for the caller to log
};

// Opens data.train_source. A new kind is one line in the table in make_source.cpp.
// Throws Error(kConfig): none given, several, an extension that no kind has, or a [data] switch that is not
// there yet; Error(kInput) from the source itself.
OpenedSource make_source(const Config& config);

}  // namespace facetrain
