// A file's content, for tests that compare it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/io/file.hpp"

namespace facetrain::test {

inline std::string file_text(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace facetrain::test
