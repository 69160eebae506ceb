// ViT s against the reference's own class (record_vit.py), in float64 with drop path; and two small networks
// of that class, where drop path and masking hit harder.
#include "tests/golden/trainer/vit_golden.hpp"
#include "trainer/backbones/vit.hpp"

namespace facetrain::test {
namespace {

constexpr Tolerance kExact{1e-9, 1e-9, 1e-9, 1e-3};

TEST_CASE("a small ViT in float64, without and with masking, plain and checkpointed") {
  VitShape shape{.dim = 64, .depth = 3, .heads = 4, .drop_path_rate = 0.5};
  for (const bool checkpoint : {false, true}) {
    const BackboneSpec spec{.embedding_size = kEmbedding, .checkpoint = checkpoint};
    shape.masks = false;
    check_vit("vit_small", make_vit(shape, spec, 1), 4, at::kDouble, kExact);
    shape.masks = true;
    check_vit("vit_small_masked", make_vit(shape, spec, 1), 4, at::kDouble, kExact);
  }
}

TEST_CASE("ViT s in float64") {
  check_vit("vit_s", make_backbone({.model = "vit", .depth = "s"}, 1), 2, at::kDouble,
            {1e-9, 1e-9, 1e-7, 1e-3});
}

}  // namespace
}  // namespace facetrain::test
