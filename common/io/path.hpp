// Paths as people type them.
#pragma once

#include <string_view>

namespace facetrain {

// "some/folder/" -> "some/folder", so that the name's ending counts; "/" stays.
constexpr std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace facetrain
