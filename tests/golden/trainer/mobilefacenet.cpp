// MobileFaceNet of width 1 against arcface_torch's own get_mbf (record_backbones.py).
#include "tests/golden/trainer/backbone_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("MobileFaceNet in float64 and float32") {
  check_against_golden("mobilefacenet", {.model = "mobilefacenet"}, 4, at::kDouble, {1e-9, 1e-9, 1e-9, 1e-3});
  check_against_golden("mobilefacenet", {.model = "mobilefacenet"}, 4, at::kFloat, {1e-4, 5e-4, 0.3, 1e-3});
}

}  // namespace
}  // namespace facetrain::test
