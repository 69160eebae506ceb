// `facetrain-data prepare` against the reference's own load_xz and convert_to_test, whose sizes and checksums
// tests/golden/record_data_tools.py recorded.
#pragma once

#include <doctest/doctest.h>
#include <lzma.h>

#include <fstream>

#include "common/io/file.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain::test {

// Prepares set `name` of `folder` and compares what comes out with the recorded checksums.
inline void check_prepared(const std::string& folder, const std::string& name, const std::string& said) {
  const TemporaryFolder out;
  const auto run = run_tool("facetrain-data prepare --xz_folder " + folder + " --destination " +
                            out.path().string() + " --datasets " + name);
  CHECK_MESSAGE(run.output.find(said) != std::string::npos, run.output);
  REQUIRE(run.code == 0);
  std::ifstream golden(FACETRAIN_SOURCE_DIR "/tests/golden/data/prepare_" + name + ".txt");
  std::string file;
  std::size_t size = 0, files = 0;
  for (std::uint32_t crc = 0; golden >> file >> size >> crc; ++files) {
    const auto bytes = read_file(out / (name + "/" + file));
    CHECK(bytes.size() == size);
    CHECK(lzma_crc32(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), 0) == crc);
  }
  CHECK(files == 2);
}

}  // namespace facetrain::test
