// IResNet (the improved residual network of ArcFace, Deng et al. 2019) as the reference builds it:
// squeeze-and-excitation on the identity path of each stage's first block, BatchNorm and dropout before the
// last linear layer, last BatchNorm's weight fixed at 1.
#include <ATen/ops/flatten.h>

#include <array>
#include <cmath>

#include "common/error.hpp"
#include "common/iresnet_depths.hpp"
#include "trainer/backbones/checkpoint.hpp"
#include "trainer/backbones/dropout.hpp"
#include "trainer/backbones/fused_norm.hpp"
#include "trainer/backbones/layers.hpp"
#include "trainer/backbones/registry.hpp"

namespace facetrain {
namespace {

using Blocks = std::array<std::int64_t, 4>;
constexpr Init kConvInit = normal(0.1);
constexpr std::int64_t kFlat = 512 * 7 * 7;

struct Downsample {
  Downsample(const StateScope& scope, std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv(scope.child("0"), {.in = in, .out = out, .stride = stride}, kConvInit),
        bn(scope.child("1"), out) {}
  Conv2d conv;
  BatchNorm bn;
};

struct Block {
  Block(const StateScope& scope, std::int64_t in, std::int64_t out, bool first_of_stage, bool se,
        FuseNorm fuse_norm)
      : fuse(fuse_norm),
        bn1(scope.child("bn1"), in),
        conv1(scope.child("conv1"), {.in = in, .out = out, .kernel = 3}, kConvInit),
        bn2(scope.child("bn2"), out),
        prelu(scope.child("prelu"), out),
        conv2(scope.child("conv2"), {.in = out, .out = out, .kernel = 3, .stride = first_of_stage ? 2 : 1},
              kConvInit),
        bn3(scope.child("bn3"), out) {
    if (first_of_stage) downsample.emplace(scope.child("downsample"), in, out, 2);
    if (first_of_stage && se) attention.emplace(scope.child("attn"), out, 16, kConvInit);
    parameters = scope.trainable();
  }

  at::Tensor operator()(const at::Tensor& input, Pass pass) const {
    const auto [normed, x] = norm_and_input(bn1, input, pass, fuse);
    const at::Tensor out = norm_then(bn2, conv1(normed), &prelu, nullptr, pass, fuse);
    at::Tensor identity = x;
    if (downsample) identity = norm_then(downsample->bn, downsample->conv(x), nullptr, nullptr, pass, fuse);
    if (attention) identity = (*attention)(identity);
    return norm_then(bn3, conv2(out), nullptr, &identity, pass, fuse);
  }

  FuseNorm fuse;
  BatchNorm bn1;
  Conv2d conv1;
  BatchNorm bn2;
  PReLU prelu;
  Conv2d conv2;
  BatchNorm bn3;
  std::optional<Downsample> downsample;
  std::optional<SqueezeExcite> attention;
  std::vector<at::Tensor> parameters;  // all of the above that are trained
};

class IResNet final : public LayeredBackbone {
 public:
  IResNet(const BackboneSpec& spec, const Blocks& blocks, std::uint64_t seed)
      : LayeredBackbone(spec.precision),
        scope_(state_, seed),
        dropout_(spec.dropout),
        checkpoint_(spec.checkpoint),
        fuse_(fuse_norm_of(spec.fused_norm)),
        conv1_(scope_.autocast().child("conv1"), {.in = 3, .out = 64, .kernel = 3}, kConvInit),
        bn1_(scope_.child("bn1"), 64),
        prelu_(scope_.child("prelu"), 64),
        blocks_(make_blocks(blocks, spec.mode == "se")),
        bn2_(scope_.child("bn2"), 512),
        fc_(scope_.child("fc"), kFlat, spec.embedding_size, true, uniform(1.0 / std::sqrt(double{kFlat}))),
        features_(scope_.child("features"), spec.embedding_size, false) {}

  at::Tensor forward(const at::Tensor& images, const DropoutKey& dropout) override {
    const auto low_precision = begin_autocast(images);
    const auto device = images.device().type();
    const Pass pass = this->pass();
    at::Tensor x;
    {
      const AutocastRegion region(low_precision, device);
      x = norm_then(bn1_, conv1_(prepare(images)), &prelu_, nullptr, pass, fuse_);
      for (const Block& block : blocks_) {
        const auto run = [&block, low_precision, device](const at::Tensor& input, Pass of) {
          const AutocastRegion again(low_precision, device);  // backward has none of its own
          return block(input, of);
        };
        x = checkpoint_ && training_ ? checkpoint(x, block.parameters, run) : block(x, pass);
      }
      x = at::flatten(norm_then(bn2_, x, nullptr, nullptr, pass, fuse_), 1);
      if (training_ && dropout_ > 0) x = apply_dropout(x, dropout, dropout_);
    }
    return features_(fc_(low_precision ? x.to(at::kFloat) : x), pass);
  }

 private:
  std::vector<Block> make_blocks(const Blocks& counts, bool se) const {
    std::vector<Block> blocks;
    std::int64_t in = kIResNetChannels[0];
    for (std::size_t stage = 0; stage < counts.size(); ++stage) {
      const StateScope layer = scope_.autocast().child("layer" + std::to_string(stage + 1));
      for (std::int64_t i = 0; i < counts[stage]; ++i, in = kIResNetChannels[stage]) {
        blocks.emplace_back(layer.child(i), in, kIResNetChannels[stage], i == 0, se, fuse_);
      }
    }
    return blocks;
  }

  StateScope scope_;
  double dropout_;
  bool checkpoint_;
  FuseNorm fuse_;
  Conv2d conv1_;
  BatchNorm bn1_;
  PReLU prelu_;
  std::vector<Block> blocks_;
  BatchNorm bn2_;
  Linear fc_;
  BatchNorm features_;
};

std::unique_ptr<Backbone> make(const BackboneSpec& spec, std::uint64_t seed) {
  if (spec.mode != "normal" && spec.mode != "se") {
    throw Error(ErrorKind::kConfig, "model.mode: unknown mode '" + spec.mode + "' of iresnet (normal, se)");
  }
  for (const IResNetDepth& depth : kIResNetDepths) {
    if (depth.name == spec.depth) return std::make_unique<IResNet>(spec, depth.blocks, seed);
  }
  throw Error(ErrorKind::kConfig,
              "model.depth: unknown depth '" + spec.depth + "' of iresnet (18, 34, 50, 100, 152, 200)");
}

std::optional<BackboneSpec> recognise(const std::vector<NamedTensor>& state) {
  const at::Tensor* features = find_tensor(state, "features.weight");
  if (features == nullptr || features->dim() != 1) return std::nullopt;
  Blocks counts{};
  for (std::size_t stage = 0; stage < counts.size(); ++stage) {
    const std::string layer = "layer" + std::to_string(stage + 1) + ".";
    while (find_tensor(state, layer + std::to_string(counts[stage]) + ".conv1.weight") != nullptr)
      ++counts[stage];
  }
  for (const IResNetDepth& depth : kIResNetDepths) {
    if (depth.blocks != counts) continue;
    const bool se = find_tensor(state, "layer1.0.attn.fc1.weight") != nullptr;
    return BackboneSpec{.model = "iresnet",
                        .depth = std::string(depth.name),
                        .mode = se ? "se" : "normal",
                        .embedding_size = features->size(0)};
  }
  return std::nullopt;
}

}  // namespace

extern const BackboneKind backbone_iresnet;
const BackboneKind backbone_iresnet = {&make, &recognise};

}  // namespace facetrain
