// For the tests of tar files: one with given members.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dataservice/source/tar_file.hpp"

namespace facetrain::test {

using Members = std::vector<std::pair<std::string, std::string>>;  // name, bytes

inline std::string tar_of(const Members& members) {
  std::string tar;
  for (const auto& [name, bytes] : members)
    tar += tar_header(name, bytes.size()) + bytes + std::string(tar_padding(bytes.size()));
  return tar + std::string(tar_end());
}

}  // namespace facetrain::test
