// IResNet 152 (se) against the reference's own class (record_backbones.py, record_deep).
#include "tests/golden/trainer/backbone_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("IResNet 152, se, in float64") {
  check_evaluation_against_golden("152", 1e-9);
}

}  // namespace
}  // namespace facetrain::test
