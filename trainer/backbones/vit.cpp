#include "trainer/backbones/vit.hpp"

#include <ATen/ops/linspace.h>

#include <array>
#include <cmath>

#include "common/error.hpp"
#include "trainer/backbones/checkpoint.hpp"
#include "trainer/backbones/keyed_words.hpp"
#include "trainer/backbones/patch_mask.hpp"
#include "trainer/backbones/registry.hpp"
#include "trainer/backbones/vit_block.hpp"

namespace facetrain {
namespace {

struct Depth {
  const char* name;
  VitShape shape;
};
constexpr std::array<Depth, 3> kDepths = {{{"s", {.dim = 512, .depth = 12}},
                                           {"b", {.dim = 512, .depth = 24, .masks = true}},
                                           {"l", {.dim = 768, .depth = 24, .masks = true}}}};
constexpr std::int64_t kPatch = 9, kGrid = 112 / kPatch, kPatches = kGrid * kGrid;
constexpr std::int64_t kSeen = kPatches * 9 / 10;  // rounded down
constexpr double kHeadEps = 2e-5;
// The reference's truncated normal cuts at +-2, a hundred standard deviations: it is a plain one. (About one
// of its values in 2^24 is -2 by rounding; ours has none.)
constexpr Init kInit = normal(0.02);

class Vit final : public LayeredBackbone {
 public:
  Vit(const VitShape& shape, const BackboneSpec& spec, std::uint64_t seed)
      : LayeredBackbone(spec.precision),
        scope_(state_, seed),
        shape_(shape),
        checkpoint_(spec.checkpoint),
        pos_embed_(scope_.parameter("pos_embed", {1, kPatches, shape.dim}, kInit)),
        // Without masking nothing uses it: saved as the reference saves it, never trained.
        mask_token_(scope_.parameter("mask_token", {1, 1, shape.dim}, kInit, true, shape.masks)),
        patch_embed_(
            scope_.child("patch_embed").child("proj"),
            {.in = 3, .out = shape.dim, .kernel = kPatch, .stride = kPatch, .padding = 0, .bias = true},
            uniform(1.0 / std::sqrt(double{3 * kPatch * kPatch}))),
        blocks_(make_blocks()),
        norm_(scope_.child("norm"), shape.dim),
        reduce_(feature(0), shape.dim * kPatches, shape.dim, false, kInit),
        reduce_bn_(feature(1), shape.dim, true, kHeadEps),
        embed_(feature(2), shape.dim, spec.embedding_size, false, kInit),
        embed_bn_(feature(3), spec.embedding_size, true, kHeadEps) {}

  // Only the blocks' linear layers run in low precision (see VitBlock).
  at::Tensor forward(const at::Tensor& images, const DropoutKey& key) override {
    const std::int64_t batch = images.size(0);
    at::Tensor x = images.to(pos_embed_.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    x = patch_embed_(x).flatten(2).transpose(1, 2).add(pos_embed_);  // (B, patches, dim)
    std::optional<PatchMask> mask;
    if (training_ && shape_.masks) {
      mask = patch_mask(key, batch, kPatches, kSeen, x.device());
      x = mask_patches(x, *mask);
    }
    x = norm_(run_blocks(x, key, begin_autocast(images)));
    if (mask) x = unmask_patches(x, mask_token_, *mask);
    x = x.reshape({batch, kPatches * shape_.dim});
    return embed_bn_(embed_(reduce_bn_(reduce_(x), pass())), pass());
  }

 private:
  StateScope feature(std::int64_t index) const { return scope_.child("feature").child(index); }

  std::vector<VitBlock> make_blocks() const {
    // In float32, as torch.linspace(0, rate, depth) is.
    const at::Tensor rates = at::linspace(0.0, shape_.drop_path_rate, shape_.depth, at::kFloat);
    std::vector<VitBlock> blocks;
    for (std::int64_t i = 0; i < shape_.depth; ++i)
      blocks.emplace_back(scope_.autocast().child("blocks").child(i), shape_.dim, shape_.heads,
                          rates[i].item<float>());
    return blocks;
  }

  at::Tensor run_blocks(at::Tensor x, const DropoutKey& key,
                        std::optional<at::ScalarType> low_precision) const {
    at::Tensor words;  // of drop path: two of each block
    if (training_ && shape_.drop_path_rate > 0)
      words = keyed_words(key, Purpose::kDropPath, x.size(0), 2 * shape_.depth, x.device());
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const VitBlock& block = blocks_[i];
      const at::Tensor own = words.defined() ? words.narrow(1, static_cast<std::int64_t>(2 * i), 2) : words;
      const auto run = [&block, low_precision, own](const at::Tensor& input, Pass) {
        return block(input, low_precision, own);
      };
      x = checkpoint_ && training_ ? checkpoint(x, block.parameters, run) : block(x, low_precision, own);
    }
    return x;
  }

  StateScope scope_;
  VitShape shape_;
  bool checkpoint_;
  at::Tensor pos_embed_, mask_token_;
  Conv2d patch_embed_;
  std::vector<VitBlock> blocks_;
  LayerNorm norm_;
  Linear reduce_;
  BatchNorm reduce_bn_;
  Linear embed_;
  BatchNorm embed_bn_;
};

std::unique_ptr<Backbone> make(const BackboneSpec& spec, std::uint64_t seed) {
  if (spec.mode != "normal")
    throw Error(ErrorKind::kConfig, "model.mode: unknown mode '" + spec.mode + "' of vit (normal)");
  for (const Depth& depth : kDepths)
    if (depth.name == spec.depth) return make_vit(depth.shape, spec, seed);
  throw Error(ErrorKind::kConfig, "model.depth: unknown depth '" + spec.depth + "' of vit (s, b, l)");
}

std::optional<BackboneSpec> recognise(const std::vector<NamedTensor>& state) {
  const at::Tensor* position = find_tensor(state, "pos_embed");
  const at::Tensor* embed = find_tensor(state, "feature.2.weight");
  if (position == nullptr || position->dim() != 3 || embed == nullptr || embed->dim() != 2)
    return std::nullopt;
  std::int64_t blocks = 0;
  while (find_tensor(state, "blocks." + std::to_string(blocks) + ".attn.qkv.weight") != nullptr) ++blocks;
  for (const Depth& depth : kDepths) {
    if (depth.shape.depth != blocks || depth.shape.dim != position->size(2)) continue;
    return BackboneSpec{.model = "vit", .depth = depth.name, .embedding_size = embed->size(0)};
  }
  return std::nullopt;
}

}  // namespace

std::unique_ptr<Backbone> make_vit(const VitShape& shape, const BackboneSpec& spec, std::uint64_t seed) {
  return std::make_unique<Vit>(shape, spec, seed);
}

extern const BackboneKind backbone_vit;
const BackboneKind backbone_vit = {&make, &recognise};

}  // namespace facetrain
