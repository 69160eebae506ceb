// ViT l, with masking and drop path, against the reference's own class (record_vit.py): embeddings and the
// statistics of one step.
#include "tests/golden/trainer/vit_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("ViT l in float32") {
  check_vit("vit_l", make_backbone({.model = "vit", .depth = "l"}, 1), 2, at::kFloat, {1e-4, 5e-4, 0, 1e-3},
            /*gradients=*/false);
}

}  // namespace
}  // namespace facetrain::test
