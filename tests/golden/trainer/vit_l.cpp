// ViT l, with masking and drop path, against the reference's own class (record_vit.py).
#include "tests/golden/trainer/vit_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("ViT l in float64") {
  check_vit("vit_l", make_backbone({.model = "vit", .depth = "l"}, 1), 2, at::kDouble,
            {1e-9, 1e-9, 1e-7, 1e-3});
}

}  // namespace
}  // namespace facetrain::test
