// The kinds of sources, told by the ending of their path: how one is opened, and, of the packed ones, which
// files it consists of, so that they can be copied to the node (stage.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dataservice/source/source.hpp"

namespace facetrain {

struct PackedFile {
  std::string path;
  std::string copied_as;  // its name in the folder of a copy
};

struct SourceKind {
  std::string_view ending;
  OpenedSource (*open)(const std::string& path);
  // nullptr: not packed. Throws Error(kInput) for an index that cannot be read.
  std::vector<PackedFile> (*files)(const std::string& path);
  std::string_view copy;  // the name that opens a copy
  // Writes the file of that name where it is none of the files; else nullptr.
  void (*write_copy)(const std::string& path, const std::string& copy);
};

// By the ending of `path`, without slashes behind it; nullptr for others, which may be folders of pictures.
const SourceKind* kind_of_source(std::string_view path);

// A source by its path: a list, a folder of folders, a packed set. Throws Error(kConfig) when it is none of
// these, else what opening it throws.
OpenedSource open_source(const std::string& path);

}  // namespace facetrain
