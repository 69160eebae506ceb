#include "tests/golden/dataservice/check_prepared.hpp"

namespace facetrain {
namespace {

TEST_CASE("prepare makes the reference's bytes of pictures that it must resize: JPEG, grey JPEG, PNG") {
  test::check_prepared(FACETRAIN_SOURCE_DIR "/tests/golden/data", "sizes", "2 pairs");
}

}  // namespace
}  // namespace facetrain
