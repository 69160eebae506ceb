// Weights that are cast together (autocast.hpp) against autocast's own casts: bfloat16 on the CPU.
#include "trainer/backbones/autocast.hpp"

#include <ATen/ATen.h>

#include <string>
#include <tuple>
#include <vector>

#include "tests/named_tensor.hpp"
#include "trainer/backbones/layers.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

at::Tensor draw(at::IntArrayRef sizes, std::uint64_t seed = 1) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(sizes, generator, at::kFloat);
}

// A convolution and a linear layer behind each other.
struct Layers {
  explicit Layers(bool together)
      : scope(together ? StateScope(state, 3).autocast() : StateScope(state, 3)),
        conv(scope.child("conv"), {.in = 3, .out = 8, .kernel = 3, .bias = true}, normal(0.5)),
        linear(scope.child("linear"), 8 * 5 * 5, 6, true, uniform(0.1)) {}
  at::Tensor operator()(const at::Tensor& x) const {
    const AutocastRegion region(at::kBFloat16, at::kCPU);
    return linear(at::flatten(conv(x), 1));
  }
  void cast(std::optional<at::ScalarType> dtype) const { cast_weights(state.cast_weights, dtype); }

  NetworkState state;
  StateScope scope;
  Conv2d conv;
  Linear linear;
};

std::vector<at::Tensor> gradients(const Layers& layers) {
  std::vector<at::Tensor> all;
  for (const NamedTensor& entry : layers.state.tensors) all.push_back(entry.tensor.grad());
  return all;
}

}  // namespace

TEST_CASE("results and gradients are those of autocast's own casts, bit for bit") {
  const Layers own(false), together(true);
  REQUIRE(own.state.cast_weights.empty());
  REQUIRE(together.state.cast_weights.size() == 2);
  const at::Tensor x = draw({2, 3, 5, 5});
  together.cast(at::kBFloat16);
  const at::Tensor expected = own(x), y = together(x);
  CHECK((y.scalar_type() == at::kBFloat16));
  CHECK(at::equal(y, expected));
  expected.to(at::kFloat).square().sum().backward();
  y.to(at::kFloat).square().sum().backward();
  const std::vector<at::Tensor> ours = gradients(together), theirs = gradients(own);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i);
    CHECK((ours[i].scalar_type() == at::kFloat));
    CHECK(at::equal(ours[i], theirs[i]));
  }
}

TEST_CASE(
    "without casts a layer computes with its parameter, and so it does again when they are taken away") {
  const Layers layers(true);
  CHECK(layers.conv.weight().is_same(layers.conv.weight.kept));
  layers.cast(at::kBFloat16);
  CHECK((layers.conv.weight().scalar_type() == at::kBFloat16));
  layers.cast(std::nullopt);
  CHECK(layers.conv.weight().is_same(layers.conv.weight.kept));
  CHECK(layers.linear.weight().is_same(layers.linear.weight.kept));
}

TEST_CASE("a pass keeps its casts when the weights change and the next pass begins") {
  const Layers own(false), layers(true);
  const at::Tensor x = draw({2, 3, 5, 5}), other = draw({2, 3, 5, 5}, 2);
  layers.cast(at::kBFloat16);
  const at::Tensor first = layers(x), expected = own(x);
  for (const Weight& weight : layers.state.cast_weights) weight.kept.detach().mul_(2);
  layers.cast(at::kBFloat16);
  CHECK(!at::equal(layers(x), first));
  first.to(at::kFloat).sum().backward();
  expected.to(at::kFloat).sum().backward();
  CHECK(at::equal(gradients(layers)[2], gradients(own)[2]));
  CHECK(at::equal(gradients(layers)[0], gradients(own)[0]));
}

TEST_CASE("a parameter that takes any type gets its gradient in the cast's") {
  const Layers layers(true);
  for (const Weight& weight : layers.state.cast_weights) weight.kept.set_grad_dtype(std::nullopt);
  layers.cast(at::kBFloat16);
  layers(draw({2, 3, 5, 5})).to(at::kFloat).sum().backward();
  for (const Weight& weight : layers.state.cast_weights)
    CHECK((weight.kept.grad().scalar_type() == at::kBFloat16));
}

TEST_CASE("of networks: what autocast computes with is cast, what is left in float32 is not") {
  for (const auto& [spec, cast, never] :
       {std::tuple{BackboneSpec{.depth = "18", .mode = "se", .precision = "bf16"}, "layer3.1.conv2", "fc"},
        {BackboneSpec{.model = "mobilefacenet", .width = 0.125, .precision = "bf16"},
         "layers.2.layers.0.layers.0", "features.layers.2"},
        {BackboneSpec{.model = "vit", .depth = "s", .precision = "bf16"}, "blocks.3.mlp.fc1", "feature.0"}}) {
    CAPTURE(spec.model);
    const auto net = make_backbone(spec, 5);
    for (const NamedTensor& entry : net->state())
      if (entry.trainable && !entry.is_buffer) entry.tensor.set_grad_dtype(std::nullopt);
    net->forward(draw({2, 3, 112, 112}), {}).square().sum().backward();
    const auto type = [&](const std::string& name) {
      return test::named(*net, name + ".weight").tensor.grad().scalar_type();
    };
    CHECK((type(cast) == at::kBFloat16));
    CHECK((type(never) == at::kFloat));
  }
}
