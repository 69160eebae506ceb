// IResNet 200 (se) against the reference's own class, given the published layers 6, 26, 60, 6
// (record_backbones.py, record_deep): the reference's builder gives "200" the layers of 100.
#include "tests/golden/trainer/backbone_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("IResNet 200, se, in float64") {
  check_evaluation_against_golden("200", 1e-9);
}

}  // namespace
}  // namespace facetrain::test
