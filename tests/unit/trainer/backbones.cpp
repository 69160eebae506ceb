// Backbones without reference values: names, shapes, initialisation, dropout, moving. Reference values:
// tests/golden/trainer.
#include "trainer/backbones/backbone.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <set>
#include <tuple>

#include "common/error.hpp"
#include "common/plan/philox.hpp"
#include "tests/named_tensor.hpp"
#include "trainer/backbones/dropout.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain {
namespace {

std::int64_t count_parameters(const Backbone& net) {
  std::int64_t count = 0;
  for (const NamedTensor& t : net.state()) count += t.is_buffer ? 0 : t.tensor.numel();
  return count;
}

BackboneSpec small(double width = 0.125) {
  return {.model = "mobilefacenet", .width = width, .embedding_size = 32, .dropout = 0};
}

TEST_CASE("state_dict order, flags and parameter counts of IResNet") {
  const auto net = make_backbone({.depth = "18", .mode = "se"}, 42);
  CHECK(net->state()[0].name == "conv1.weight");
  CHECK(test::named(*net, "layer1.0.attn.fc1.weight").tensor.sizes() == at::IntArrayRef({4, 64, 1, 1}));
  CHECK(net->state().back().name == "features.num_batches_tracked");
  CHECK((net->state().back().tensor.scalar_type() == at::kLong));
  const NamedTensor& last = test::named(*net, "features.weight");
  CHECK((!last.trainable && !last.tensor.requires_grad() && !last.weight_decay));
  CHECK((test::named(*net, "fc.bias").weight_decay && test::named(*net, "prelu.weight").weight_decay));
  CHECK(!test::named(*net, "layer2.1.bn1.bias").weight_decay);
  CHECK(test::named(*net, "conv1.weight").tensor.is_contiguous(at::MemoryFormat::ChannelsLast));
  std::set<std::string> names;
  for (const NamedTensor& t : net->state()) {
    names.insert(t.name);
    CHECK(t.tensor.requires_grad() == (t.trainable && !t.is_buffer));
    CHECK(t.tensor.is_leaf());
  }
  CHECK(names.size() == net->state().size());
  // The reference's own counts (sum of p.numel() for p in model.parameters()).
  CHECK(count_parameters(*make_backbone({.depth = "18"}, 42)) == 24025600);
  CHECK(count_parameters(*make_backbone({.depth = "50"}, 42)) == 43590848);
  CHECK(count_parameters(*make_backbone({.depth = "50", .mode = "se"}, 42)) == 43634368);
}

TEST_CASE("initial values come from the seed alone") {
  const auto a = make_backbone(small(), 7), b = make_backbone(small(), 7), c = make_backbone(small(), 8);
  for (std::size_t i = 0; i < a->state().size(); ++i) {
    CHECK(at::equal(a->state()[i].tensor, b->state()[i].tensor));
  }
  const std::string first = "layers.0.layers.0.weight";
  CHECK(!at::equal(test::named(*a, first).tensor, test::named(*c, first).tensor));
  const auto net = make_backbone({.depth = "18", .mode = "se"}, 42);
  const at::Tensor conv = test::named(*net, "layer4.1.conv1.weight").tensor.detach();
  CHECK(conv.mean().item<double>() == doctest::Approx(0).epsilon(2e-4));
  CHECK(conv.std().item<double>() == doctest::Approx(0.1).epsilon(2e-3));
  CHECK(conv.abs().max().item<double>() > 0.45);
  CHECK(test::named(*net, "layer4.0.attn.fc2.weight").tensor.std().item<double>() ==
        doctest::Approx(0.1).epsilon(0.02));
  const at::Tensor fc = test::named(*net, "fc.weight").tensor.detach();
  const double bound = 1.0 / std::sqrt(25088.0);
  CHECK(fc.abs().max().item<double>() <= bound * 1.000001);
  CHECK(fc.std().item<double>() == doctest::Approx(bound / std::sqrt(3.0)).epsilon(2e-3));
  CHECK(test::named(*net, "prelu.weight").tensor.mean().item<double>() == 0.25);
}

TEST_CASE("unknown model, depth, mode and precision are configuration errors") {
  for (const BackboneSpec& spec : {BackboneSpec{.model = "resnext"}, BackboneSpec{.depth = "51"},
                                   BackboneSpec{.mode = "cbam"}, BackboneSpec{.precision = "fp8"}}) {
    try {
      make_backbone(spec, 1);
      FAIL("accepted");
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::kConfig);
    }
  }
}

TEST_CASE("fused_norm: on a CPU only when told, and then the same up to rounding") {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(3);
  const at::Tensor images = at::randn({2, 3, 112, 112}, generator, at::kFloat);
  const auto trained = [&](const char* fused_norm) {
    const auto net = make_backbone({.depth = "18", .dropout = 0, .fused_norm = fused_norm}, 42);
    const at::Tensor embeddings = net->forward(images, {});
    embeddings.square().sum().backward();
    return std::tuple{embeddings.detach(), test::named(*net, "layer1.0.bn2.running_var").tensor.clone(),
                      test::named(*net, "conv1.weight").tensor.grad().clone()};
  };
  const auto automatic = trained("auto"), off = trained("off"), on = trained("on");
  CHECK(at::equal(std::get<0>(automatic), std::get<0>(off)));
  CHECK(at::equal(std::get<2>(automatic), std::get<2>(off)));
  CHECK(!at::equal(std::get<0>(on), std::get<0>(off)));
  const auto distance = [](const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).norm() / b.norm()).item<double>();
  };
  CHECK(distance(std::get<0>(on), std::get<0>(off)) < 1e-3);
  CHECK(distance(std::get<1>(on), std::get<1>(off)) < 1e-5);
  CHECK(distance(std::get<2>(on), std::get<2>(off)) < 5e-3);
}

TEST_CASE("the dropout mask is the stream's words, whatever the implementation") {
  const DropoutKey key{.seed = 0x123456789abcULL, .step = 11, .rank = 1, .world = 3};
  const at::Tensor mask = dropout_mask(key, 5, 203, 0.4, at::kCPU);
  CHECK(mask.sizes() == at::IntArrayRef({5, 203}));
  const bool* kept = mask.const_data_ptr<bool>();
  for (std::uint64_t r = 0; r < 5; ++r) {
    RandomStream stream(key.seed, Purpose::kDropout, 11, r * 3 + 1);
    for (int c = 0; c < 203; ++c) {
      const bool expected = stream.next_u32() >= 1717986918u;  // 0.4 * 2^32
      REQUIRE(kept[r * 203 + c] == expected);
    }
  }
  for (const double p : {0.0, 0.4, 0.99}) {
    CHECK(at::equal(dropout_mask(key, 5, 203, p, at::kCPU),
                    dropout_mask_by_tensor_operations(key, 5, 203, p, at::kCPU)));
  }
  CHECK(dropout_mask(key, 5, 203, 0.0, at::kCPU).all().item<bool>());
  const at::Tensor big = dropout_mask(key, 64, 25088, 0.4, at::kCPU);
  CHECK(big.to(at::kDouble).mean().item<double>() == doctest::Approx(0.6).epsilon(2e-3));
}

TEST_CASE("the dropout mask of a global batch is the same at every world size") {
  const at::Tensor whole = dropout_mask({.seed = 5, .step = 3}, 12, 77, 0.4, at::kCPU);
  for (const std::uint32_t world : {2u, 3u}) {
    for (std::uint32_t rank = 0; rank < world; ++rank) {
      const at::Tensor part = dropout_mask({5, 3, rank, world}, 12 / world, 77, 0.4, at::kCPU);
      const at::Tensor rows = at::arange(rank, 12, world, at::kLong);
      CHECK(at::equal(part, whole.index_select(0, rows)));
    }
  }
  CHECK(!at::equal(whole, dropout_mask({.seed = 5, .step = 4}, 12, 77, 0.4, at::kCPU)));
  CHECK(!at::equal(whole, dropout_mask({.seed = 6, .step = 3}, 12, 77, 0.4, at::kCPU)));
}

TEST_CASE("training updates statistics and gradients; evaluation does neither") {
  const auto net = make_backbone(small(), 3);
  at::manual_seed(1);
  const at::Tensor images = at::randn({4, 3, 112, 112});
  const at::Tensor mean = test::named(*net, "layers.0.layers.1.running_mean").tensor;
  const at::Tensor count = test::named(*net, "layers.0.layers.1.num_batches_tracked").tensor;
  net->train(false);
  {
    const c10::AutoGradMode no_gradient(false);
    CHECK(net->forward(images, {}).sizes() == at::IntArrayRef({4, 32}));
    CHECK(mean.abs().sum().item<double>() == 0);
  }
  net->train(true);
  net->forward(images, {}).square().sum().backward();
  CHECK(mean.abs().sum().item<double>() > 0);
  CHECK(count.item<std::int64_t>() == 1);
  for (const NamedTensor& t : net->state()) {
    if (!t.is_buffer) CHECK(t.tensor.grad().defined() == t.trainable);
  }
}

TEST_CASE("memory format of the images changes nothing") {
  const auto net = make_backbone(small(), 3);
  net->to(at::kCPU, at::kDouble);
  net->train(false);
  at::manual_seed(1);
  const at::Tensor images = at::randn({2, 3, 112, 112}, at::kDouble);
  const at::Tensor a = net->forward(images, {});
  const at::Tensor b = net->forward(images.contiguous(at::MemoryFormat::ChannelsLast), {});
  CHECK((a - b).abs().max().item<double>() < 1e-12);
}

TEST_CASE("moving to float64 keeps the state's handles, leaves and integers") {
  const auto net = make_backbone(small(), 3);
  const at::Tensor before = test::named(*net, "conv_sep.layers.0.weight").tensor;
  const at::Tensor values = before.detach().clone();
  at::manual_seed(1);
  net->forward(at::randn({2, 3, 112, 112}), {}).sum().backward();
  net->to(at::kCPU, at::kDouble);
  CHECK((before.scalar_type() == at::kDouble));
  CHECK((before.is_leaf() && before.requires_grad() && !before.grad().defined()));
  CHECK(at::equal(before.detach(), values.to(at::kDouble)));
  CHECK(before.is_contiguous(at::MemoryFormat::ChannelsLast));
  CHECK((test::named(*net, "features.layers.3.num_batches_tracked").tensor.scalar_type() == at::kLong));
  at::manual_seed(1);
  const at::Tensor out = net->forward(at::randn({2, 3, 112, 112}), {});
  CHECK((out.scalar_type() == at::kDouble));
  out.square().sum().backward();
  CHECK((before.grad().scalar_type() == at::kDouble));
}

TEST_CASE(
    "bf16 autocast changes the values a little, the embeddings stay float32; fp16 on a CPU computes in "
    "float32") {
  at::manual_seed(
      1);  // torch's generator is seeded at random; BatchNorm over two rows can turn rounding into signs
  const at::Tensor images = at::randn({8, 3, 112, 112});
  const auto embed = [&](const std::string& precision) {
    BackboneSpec spec = small();
    spec.precision = precision;
    const auto net = make_backbone(spec, 3);
    const at::Tensor out = net->forward(images, {});
    CHECK((out.scalar_type() == at::kFloat));
    out.square().sum().backward();
    CHECK((test::named(*net, "conv_sep.layers.0.weight").tensor.grad().scalar_type() == at::kFloat));
    CHECK((test::named(*net, "layers.0.layers.0.weight").tensor.grad().scalar_type() == at::kFloat));
    return out.detach();
  };
  const at::Tensor exact = embed("fp32"), low = embed("bf16");
  CHECK(at::equal(exact, embed("fp16")));
  const double difference = ((exact - low).norm() / exact.norm()).item<double>();
  CHECK((difference > 1e-5 && difference < 0.5));
}

TEST_CASE("dropout is applied in training only, by the key") {
  const auto net = make_backbone({.depth = "18", .embedding_size = 8}, 3);
  net->to(at::kCPU, at::kFloat);
  at::manual_seed(1);
  const at::Tensor images = at::randn({2, 3, 112, 112});
  const c10::AutoGradMode no_gradient(false);
  const at::Tensor a = net->forward(images, {.step = 1}), b = net->forward(images, {.step = 1}),
                   c = net->forward(images, {.step = 2});
  CHECK(at::equal(a, b));
  CHECK(!at::equal(a, c));
  net->train(false);
  CHECK(at::equal(net->forward(images, {.step = 1}), net->forward(images, {.step = 2})));
  const at::Tensor ones = at::full({3, 1000}, 1.0, at::kDouble);
  const at::Tensor dropped = apply_dropout(ones, {}, 0.4);
  CHECK(at::equal(dropped.ne(0), dropout_mask({}, 3, 1000, 0.4, at::kCPU)));
  CHECK(dropped.max().item<double>() == doctest::Approx(1 / 0.6));
}

}  // namespace
}  // namespace facetrain
