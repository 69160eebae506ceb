// Golden: `facetrain-data prepare` on the ORL set against the reference's own load_xz and convert_to_test
// (tests/golden/record_data_tools.py recorded sizes and checksums).
#include <doctest/doctest.h>
#include <lzma.h>

#include <fstream>

#include "common/io/file.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

TEST_CASE("prepare makes the reference's bytes, from .xz and from .bin") {
  const std::string set = FACETRAIN_SOURCE_DIR "/../shared/data/orl/val/";
  if (!std::filesystem::exists(set + "orl_val.xz")) {
    MESSAGE("SKIPPED: ../shared/data/orl is not there");
    return;
  }
  for (const std::string ending : {".xz", ".bin"}) {
    CAPTURE(ending);
    const test::TemporaryFolder folder;
    std::filesystem::create_symlink(set + "orl_val" + ending, folder / ("orl_val" + ending));
    const auto run = test::run_tool("facetrain-data prepare --xz_folder " + folder.path().string() +
                                    " --destination " + (folder / "out") + " --datasets orl_val");
    CHECK(run.output.find("600 pairs") != std::string::npos);
    REQUIRE(run.code == 0);
    std::ifstream golden(FACETRAIN_SOURCE_DIR "/tests/golden/data/prepare_orl.txt");
    std::string name;
    std::size_t size = 0, files = 0;
    for (std::uint32_t crc = 0; golden >> name >> size >> crc; ++files) {
      const auto bytes = read_file(folder / ("out/orl_val/" + name));
      CHECK(bytes.size() == size);
      CHECK(lzma_crc32(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), 0) == crc);
    }
    CHECK(files == 2);
  }
}

}  // namespace
}  // namespace facetrain
