#include "tests/golden/dataservice/check_prepared.hpp"

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
    test::check_prepared(folder.path().string(), "orl_val", "600 pairs");
  }
}

}  // namespace
}  // namespace facetrain
