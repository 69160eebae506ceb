// MobileFaceNet (Chen et al., 2018) as arcface_torch's "mbf" builds it (blocks 1-4-6-2, scale 2, head GDC),
// with every width multiplied: width 1 is that network exactly; widths are multiples of 1/16, so that channel
// counts divide by the groups.
#include <ATen/ops/add.h>
#include <ATen/ops/flatten.h>

#include <algorithm>
#include <cmath>

#include "common/error.hpp"
#include "trainer/backbones/layers.hpp"
#include "trainer/backbones/registry.hpp"

namespace facetrain {
namespace {

// kaiming_normal_(mode fan_out, relu): fan_out is out * kernel^2 whatever the groups, as torch counts.
Init fan_out(std::int64_t out, std::int64_t kernel = 1) {
  return normal(std::sqrt(2.0 / static_cast<double>(out * kernel * kernel)));
}

// Convolution, BatchNorm and, unless linear, PReLU.
struct ConvBlock {
  ConvBlock(const StateScope& scope, const ConvShape& shape, bool linear = false)
      : conv(scope.child("layers.0"), shape, fan_out(shape.out, shape.kernel)),
        bn(scope.child("layers.1"), shape.out) {
    if (!linear) prelu.emplace(scope.child("layers.2"), shape.out);
  }
  at::Tensor operator()(const at::Tensor& x, Pass pass) const {
    const at::Tensor y = bn(conv(x), pass);
    return prelu ? (*prelu)(y) : y;
  }
  Conv2d conv;
  BatchNorm bn;
  std::optional<PReLU> prelu;
};

// Expand to `middle` channels, 3 x 3 depthwise, project; plus x where residual.
struct DepthWise {
  DepthWise(const StateScope& scope, std::int64_t in, std::int64_t out, std::int64_t middle,
            std::int64_t stride)
      : expand(scope.child("layers.0"), {.in = in, .out = middle}),
        depthwise(scope.child("layers.1"),
                  {.in = middle, .out = middle, .kernel = 3, .stride = stride, .groups = middle}),
        project(scope.child("layers.2"), {.in = middle, .out = out}, true),
        residual(stride == 1) {}
  at::Tensor operator()(const at::Tensor& x, Pass pass) const {
    const at::Tensor y = project(depthwise(expand(x, pass), pass), pass);
    return residual ? at::add(x, y) : y;
  }
  ConvBlock expand, depthwise, project;
  bool residual;
};

class MobileFaceNet final : public LayeredBackbone {
 public:
  // unit: channels that stand for 64 of the original.
  MobileFaceNet(const BackboneSpec& spec, std::int64_t unit, std::uint64_t seed)
      : LayeredBackbone(spec.precision),
        scope_(state_, seed),
        stem_(layer(0), {.in = 3, .out = 2 * unit, .kernel = 3, .stride = 2}),
        second_(layer(1), {.in = 2 * unit, .out = 2 * unit, .kernel = 3, .groups = unit}),
        body_(make_body(unit)),
        separate_(scope_.child("conv_sep"), {.in = 4 * unit, .out = 8 * unit}),
        pool_(head().child(0),
              {.in = 8 * unit, .out = 8 * unit, .kernel = 7, .groups = 8 * unit, .padding = 0}, true),
        linear_(head().child(2), 8 * unit, spec.embedding_size, false, fan_out(spec.embedding_size)),
        bn_(head().child(3), spec.embedding_size) {}

  at::Tensor forward(const at::Tensor& images, const DropoutKey&) override {
    const auto low_precision = begin_autocast(images);
    const Pass pass = this->pass();
    at::Tensor x;
    {
      const AutocastRegion region(low_precision, images.device().type());
      x = second_(stem_(prepare(images), pass), pass);
      for (const DepthWise& block : body_) x = block(x, pass);
    }
    x = separate_(low_precision ? x.to(at::kFloat) : x, pass);
    return bn_(linear_(at::flatten(pool_(x, pass), 1)), pass);
  }

 private:
  StateScope layer(std::int64_t index) const { return scope_.autocast().child("layers").child(index); }
  StateScope head() const { return scope_.child("features").child("layers"); }

  std::vector<DepthWise> make_body(std::int64_t unit) const {
    struct Stage {
      std::int64_t in, out, middle;  // in units
      int repeats;                   // 0: one block of stride 2; else so many residual blocks
    };
    constexpr Stage kStages[] = {{2, 2, 2, 0}, {2, 2, 2, 4}, {2, 4, 4, 0},
                                 {4, 4, 4, 6}, {4, 4, 8, 0}, {4, 4, 4, 2}};
    std::vector<DepthWise> body;
    std::int64_t index = 2;
    for (const Stage& s : kStages) {
      const StateScope scope = layer(index++);
      if (s.repeats == 0) body.emplace_back(scope, s.in * unit, s.out * unit, s.middle * unit, 2);
      for (int i = 0; i < s.repeats; ++i) {
        body.emplace_back(scope.child("layers").child(i), s.in * unit, s.out * unit, s.middle * unit, 1);
      }
    }
    return body;
  }

  StateScope scope_;
  ConvBlock stem_, second_;
  std::vector<DepthWise> body_;
  ConvBlock separate_, pool_;
  Linear linear_;
  BatchNorm bn_;
};

std::unique_ptr<Backbone> make(const BackboneSpec& spec, std::uint64_t seed) {
  if (!(spec.width > 0)) throw Error(ErrorKind::kConfig, "model.width: must be above 0");
  const auto unit = std::max<std::int64_t>(4, 4 * std::llround(16.0 * spec.width));
  return std::make_unique<MobileFaceNet>(spec, unit, seed);
}

std::optional<BackboneSpec> recognise(const std::vector<NamedTensor>& state) {
  const at::Tensor* separate = find_tensor(state, "conv_sep.layers.0.weight");
  const at::Tensor* linear = find_tensor(state, "features.layers.2.weight");
  if (separate == nullptr || separate->dim() != 4 || linear == nullptr || linear->dim() != 2)
    return std::nullopt;
  return BackboneSpec{.model = "mobilefacenet",
                      .width = static_cast<double>(separate->size(0)) / 512.0,
                      .embedding_size = linear->size(0)};
}

}  // namespace

extern const BackboneKind backbone_mobilefacenet;
const BackboneKind backbone_mobilefacenet = {&make, &recognise};

}  // namespace facetrain
