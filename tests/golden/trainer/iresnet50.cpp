// IResNet 50 against the reference's own class (record_backbones.py).
#include "tests/golden/trainer/backbone_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("IResNet 50, normal and se, in float64") {
  for (const char* mode : {"normal", "se"}) {
    check_against_golden(std::string("iresnet50_") + mode, {.depth = "50", .mode = mode}, 3, at::kDouble,
                         {1e-9, 1e-9, 1e-9, 1e-3});
  }
}

TEST_CASE("IResNet 50, normal and se, in float32") {
  for (const char* mode : {"normal", "se"}) {
    // The gradients catch gross errors only: float64 above is the proof.
    check_against_golden(std::string("iresnet50_") + mode, {.depth = "50", .mode = mode}, 3, at::kFloat,
                         {1e-4, 5e-4, 0.3, 1e-3});
  }
}

}  // namespace
}  // namespace facetrain::test
