// IResNet 18 against the reference's own class (record_backbones.py).
#include "tests/golden/trainer/backbone_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("IResNet 18, normal and se, in float64") {
  for (const char* mode : {"normal", "se"}) {
    check_against_golden(std::string("iresnet18_") + mode, {.depth = "18", .mode = mode}, 4, at::kDouble,
                         {1e-9, 1e-9, 1e-9, 1e-3});
  }
}

TEST_CASE("IResNet 18, normal and se, in float32") {
  for (const char* mode : {"normal", "se"}) {
    check_against_golden(std::string("iresnet18_") + mode, {.depth = "18", .mode = mode}, 4, at::kFloat,
                         {1e-4, 5e-4, 0.3, 1e-3});
  }
}

}  // namespace
}  // namespace facetrain::test
