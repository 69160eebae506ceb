// IResNet 200 (se) against the reference's own class, given the published layers 6, 26, 60, 6
// (record_backbones.py, record_deep): the reference's builder gives "200" the layers of 100. In float32: in
// float64 the network and its gradients take 2 GB.
#include "tests/golden/trainer/backbone_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("IResNet 200, se, in float32") {
  check_evaluation_against_golden("200", at::kFloat, 1e-4, 1e-3);
}

}  // namespace
}  // namespace facetrain::test
