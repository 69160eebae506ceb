// ViT b, with masking and drop path, against the reference's own class (record_vit.py).
#include "tests/golden/trainer/vit_golden.hpp"

namespace facetrain::test {
namespace {

TEST_CASE("ViT b in float32") {
  // The gradients catch gross errors only: float64 in vit_s.cpp is the proof.
  check_vit("vit_b", make_backbone({.model = "vit", .depth = "b"}, 1), 2, at::kFloat, {1e-4, 5e-4, 0.3, 1e-3});
}

}  // namespace
}  // namespace facetrain::test
