// The Vision Transformer without reference outputs: names, shapes and first values against those that
// tests/golden/record_vit.py recorded, masking, drop path, precision, refusals. Outputs:
// tests/golden/trainer.
#include "trainer/backbones/vit.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "tests/named_tensor.hpp"
#include "trainer/backbones/keyed_words.hpp"
#include "trainer/backbones/patch_mask.hpp"
#include "trainer/backbones/registry.hpp"
#include "trainer/backbones/vit_block.hpp"
#include "trainer/weights/weights.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain {
namespace {

std::unique_ptr<Backbone> small(bool masks, const std::string& precision = "fp32") {
  return make_vit({.dim = 32, .depth = 2, .heads = 4, .masks = masks, .drop_path_rate = 0.5},
                  {.embedding_size = 16, .precision = precision}, 3);
}

at::Tensor pictures(std::int64_t batch) {
  return at::randn({batch, 3, 112, 112}, at::make_generator<at::CPUGeneratorImpl>(1));
}

struct RecordedTensor {
  std::string name, shape;
  double mean, deviation;
};

std::vector<RecordedTensor> recorded_state(const std::string& depth) {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/vit_state.txt");
  std::vector<RecordedTensor> tensors;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string network;
    RecordedTensor t;
    if (words >> network >> t.name >> t.shape >> t.mean >> t.deviation && network == depth)
      tensors.push_back(t);
  }
  return tensors;
}

std::string shape_text(const at::Tensor& t) {
  std::string text;
  for (const std::int64_t size : t.sizes()) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "-" : text;
}

void check_state(const std::string& depth) {
  const auto net = make_backbone({.model = "vit", .depth = depth}, 42);
  const auto expected = recorded_state(depth);
  REQUIRE(net->state().size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const NamedTensor& t = net->state()[i];
    CAPTURE(t.name);
    CHECK(t.name == expected[i].name);
    CHECK(shape_text(t.tensor) == expected[i].shape);
    const at::Tensor values = t.tensor.detach().to(at::kFloat);
    // Both are samples of n values; the recorded numbers have four digits.
    const double n = static_cast<double>(values.numel()), sigma = expected[i].deviation;
    CHECK(std::abs(values.mean().item<double>() - expected[i].mean) <=
          6 * sigma * std::sqrt(2 / n) + 1e-3 * std::abs(expected[i].mean));
    CHECK(std::abs(values.std(false).item<double>() - sigma) <= sigma * (6 / std::sqrt(n) + 1e-3));
  }
  const BackboneSpec spec = spec_from_state(net->state());
  CHECK((spec.model == "vit" && spec.depth == depth && spec.embedding_size == 512));
}

TEST_CASE("ViT s, b and l have the reference's tensors in its order, with its first values' distribution") {
  for (const char* depth : {"s", "b", "l"}) check_state(depth);
}

TEST_CASE("what is trained, and what decays") {
  const auto plain = small(false), masking = small(true);
  CHECK((!test::named(*plain, "mask_token").trainable &&
         !test::named(*plain, "mask_token").tensor.requires_grad()));
  CHECK((test::named(*masking, "mask_token").trainable &&
         test::named(*masking, "mask_token").tensor.requires_grad()));
  for (const NamedTensor& t : masking->state()) {
    CHECK(t.tensor.requires_grad() == !t.is_buffer);
    const bool batch_norm = t.name.starts_with("feature.1.") || t.name.starts_with("feature.3.");
    CHECK_MESSAGE(t.weight_decay == !batch_norm, t.name);
  }
  masking->forward(pictures(4), {}).square().sum().backward();
  for (const NamedTensor& t : masking->state())
    if (!t.is_buffer) CHECK_MESSAGE(t.tensor.grad().defined(), t.name);
}

TEST_CASE("keyed words are the streams', whatever computes them, at every world size") {
  const DropoutKey key{.seed = 0x123456789abcULL, .step = 11};
  const at::Tensor whole = keyed_words(key, Purpose::kDropPath, 6, 11, at::kCPU);
  RandomStream stream(key.seed, Purpose::kDropPath, 11, 4);
  for (std::int64_t c = 0; c < 11; ++c) CHECK(whole[4][c].item<std::int64_t>() == stream.next_u32());
  CHECK(at::equal(whole, keyed_words_by_tensor_operations(key, Purpose::kDropPath, 6, 11, at::kCPU)));
  for (const std::uint32_t rank : {0u, 1u, 2u}) {
    const DropoutKey own{key.seed, key.step, rank, 3};
    for (const auto& part : {keyed_words(own, Purpose::kDropPath, 2, 11, at::kCPU),
                             keyed_words_by_tensor_operations(own, Purpose::kDropPath, 2, 11, at::kCPU)})
      CHECK(at::equal(part, whole.index_select(0, at::arange(rank, 6, 3, at::kLong))));
  }
  CHECK(!at::equal(whole, keyed_words(key, Purpose::kPatchMask, 6, 11, at::kCPU)));
}

TEST_CASE("drop path drops whole rows with its probability and keeps the mean") {
  const at::Tensor words = keyed_words({.step = 1}, Purpose::kDropPath, 20000, 1, at::kCPU).select(1, 0);
  const at::Tensor y = drop_path(at::ones({20000, 2, 3}, at::kDouble), words, 0.3);
  CHECK(at::equal(y, y.select(2, 0).select(1, 0).view({-1, 1, 1}).expand_as(y)));
  CHECK(y.max().item<double>() == doctest::Approx(1 / 0.7).epsilon(1e-12));
  CHECK(y.eq(0).to(at::kDouble).mean().item<double>() == doctest::Approx(0.3).epsilon(0.03));
  CHECK(at::equal(drop_path(y, words, 0.0), y));
}

TEST_CASE("patches that stay come back to their places; the token stands for the others") {
  const PatchMask mask = patch_mask({.step = 2}, 3, 144, 129, at::kCPU);
  const at::Tensor x = at::arange(3 * 144 * 2, at::kDouble).view({3, 144, 2});
  const at::Tensor seen = mask_patches(x, mask);
  CHECK(seen.sizes() == at::IntArrayRef({3, 129, 2}));
  const at::Tensor back = unmask_patches(seen, at::full({1, 1, 2}, -1.0, at::kDouble), mask);
  const at::Tensor masked = back.select(2, 0).eq(-1);
  CHECK(at::equal(masked.sum(1), at::full({3}, 15, at::kLong)));
  CHECK(at::equal(back, at::where(masked.unsqueeze(2), at::full({}, -1.0, at::kDouble), x)));
  CHECK(!at::equal(masked[0], masked[1]));
  // Every patch is masked about as often as any other.
  const at::Tensor often = patch_mask({}, 4000, 144, 129, at::kCPU).restore.ge(129).to(at::kDouble).mean(0);
  CHECK(often.min().item<double>() > 0.08);
  CHECK(often.max().item<double>() < 0.13);
}

TEST_CASE("training draws by the key; evaluation draws nothing") {
  for (const bool masks : {false, true}) {
    const auto net = small(masks);
    const c10::AutoGradMode no_gradient(false);
    const at::Tensor images = pictures(8);
    const at::Tensor a = net->forward(images, {.step = 1}), b = net->forward(images, {.step = 1}),
                     c = net->forward(images, {.step = 2});
    CHECK(at::equal(a, b));
    CHECK(!at::equal(a, c));
    net->train(false);
    CHECK(at::equal(net->forward(images, {.step = 1}), net->forward(images, {.step = 2})));
  }
}

TEST_CASE("bf16 moves the embeddings a little, gradients stay float32; fp16 on a CPU computes in float32") {
  const at::Tensor images = pictures(8);
  const auto embed = [&](const std::string& precision) {
    const auto net = small(true, precision);
    const at::Tensor out = net->forward(images, {});
    CHECK((out.scalar_type() == at::kFloat));
    out.square().sum().backward();
    for (const char* name : {"blocks.0.attn.qkv.weight", "patch_embed.proj.weight", "feature.0.weight"})
      CHECK((test::named(*net, name).tensor.grad().scalar_type() == at::kFloat));
    return out.detach();
  };
  const at::Tensor exact = embed("fp32"), low = embed("bf16");
  CHECK(at::equal(exact, embed("fp16")));
  const double difference = ((exact - low).norm() / exact.norm()).item<double>();
  CHECK((difference > 1e-5 && difference < 0.1));
}

TEST_CASE("depths, modes and picture sizes that ViT has not are configuration errors") {
  const auto refusal = [](auto action) {
    try {
      action();
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::kConfig);
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refusal([] { make_backbone({.model = "vit", .depth = "50"}, 1); }) ==
        "model.depth: unknown depth '50' of vit (s, b, l)");
  CHECK(refusal([] { make_backbone({.model = "vit", .depth = "s", .mode = "se"}, 1); }) ==
        "model.mode: unknown mode 'se' of vit (normal)");
  Config config;
  config.model.model = "vit";
  config.model.depth = "s";
  config.model.checkpoint = true;
  CHECK(backbone_spec(config).checkpoint);
  config.model.input_size = {224, 224};
  CHECK(refusal([&] { backbone_spec(config); }) ==
        "model.input_size: the networks take 112 x 112 pictures, not 224");
}

TEST_CASE("ViT's weights through a file, strictly") {
  const std::string path = "/tmp/facetrain_vit_" + std::to_string(getpid()) + ".pth";
  const auto net = make_backbone({.model = "vit", .depth = "s", .embedding_size = 32}, 1);
  save_state_dict(path, net->state());
  std::vector<NamedTensor> state = load_state_dict(path);
  std::remove(path.c_str());
  const BackboneSpec spec = spec_from_state(state);
  CHECK((spec.model == "vit" && spec.depth == "s" && spec.embedding_size == 32));
  const auto other = make_backbone(spec, 2);
  load_into(*other, state);
  for (std::size_t i = 0; i < state.size(); ++i)
    CHECK(at::equal(other->state()[i].tensor.detach(), net->state()[i].tensor.detach()));
  state.pop_back();
  CHECK_THROWS_WITH_AS(load_into(*other, state), doctest::Contains("feature.3.num_batches_tracked"), Error);
}

}  // namespace
}  // namespace facetrain
