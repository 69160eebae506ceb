// The parent's extra validation sets, in miniature: hadrian as it is distributed (.xz), eclipse as the
// parent's xz2bin.py packs it (.bin).
#include "tests/golden/dataservice/check_prepared.hpp"

namespace facetrain {
namespace {

TEST_CASE("prepare makes the parent's bytes of hadrian and eclipse") {
  test::check_prepared(FACETRAIN_SOURCE_DIR "/tests/golden/data", "hadrian", "hadrian.npy: 10 pairs");
  test::check_prepared(FACETRAIN_SOURCE_DIR "/tests/golden/data", "eclipse", "eclipse.npy: 10 pairs");
}

TEST_CASE("without --datasets the parent's seven are prepared, hadrian and eclipse among them") {
  const test::TemporaryFolder out;
  const auto run = test::run_tool("facetrain-data prepare --xz_folder " FACETRAIN_SOURCE_DIR
                                  "/tests/golden/data --destination " +
                                  out.path().string());
  CHECK(run.code == 66);  // lfw, the first, is not there
  CHECK_MESSAGE(run.output.find("neither lfw.xz nor lfw.bin") != std::string::npos, run.output);
  CHECK(test::run_tool("facetrain-data prepare --help").output.find("calfw cplfw hadrian eclipse") !=
        std::string::npos);
}

}  // namespace
}  // namespace facetrain
