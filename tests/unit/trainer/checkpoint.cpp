// Activation checkpointing: the same gradients bit for bit, less memory. In training, over ranks and with
// buckets: tests/mpi/checkpointing.cpp.
#include "trainer/backbones/checkpoint.hpp"

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include "trainer/backbones/vit.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain {
namespace {

// Counts the bytes that tensors take on the CPU while it is installed on this thread (autograd's CPU work
// runs on it too).
struct MemoryMeter : c10::MemoryReportingInfoBase {
  void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, at::Device) override {
    live += size;
    peak = std::max(peak, live);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t live = 0, peak = 0;
};

struct Usage {
  std::int64_t kept;  // bytes that wait for backward
  std::int64_t peak;
};

Usage usage_of_a_step(Backbone& net, const at::Tensor& images) {
  for (const NamedTensor& t : net.state())  // so that gradients are not counted
    if (t.tensor.requires_grad()) at::Tensor(t.tensor).mutable_grad() = at::zeros_like(t.tensor);
  const auto meter = std::make_shared<MemoryMeter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
  const at::Tensor embeddings = net.forward(images, {});
  const std::int64_t kept = meter->live;
  embeddings.square().sum().backward();
  return {kept, meter->peak};
}

TEST_CASE("a network keeps and needs less memory with checkpointing") {
  at::manual_seed(1);
  const at::Tensor images = at::randn({8, 3, 112, 112});
  const auto measure = [&](bool checkpoint, const char* model) {
    const BackboneSpec spec{.depth = "18", .embedding_size = 32, .checkpoint = checkpoint};
    const auto net = std::string(model) == "vit" ? make_vit({.dim = 64, .depth = 8, .heads = 4}, spec, 1)
                                                 : make_backbone(spec, 1);
    return usage_of_a_step(*net, images);
  };
  for (const char* model : {"iresnet", "vit"}) {
    const Usage plain = measure(false, model), checkpointed = measure(true, model);
    MESSAGE(std::string(model) << ", bytes kept for backward: " << plain.kept << ", checkpointed "
                               << checkpointed.kept << "; at most in use: " << plain.peak << ", "
                               << checkpointed.peak);
    CHECK(plain.kept > 1000000);
    CHECK(checkpointed.kept * 2 < plain.kept);
    CHECK(checkpointed.peak * 10 < plain.peak * 7);
  }
}

// A part with a frozen leaf, one that it does not use, and a record of its calls.
struct Fixture {
  at::Tensor x = at::tensor({1.0, 2.0, 3.0}), used = at::tensor({0.5, -1.0, 2.0}).requires_grad_(true),
             frozen = at::tensor({2.0, 2.0, 2.0}), unused = at::ones({2}).requires_grad_(true);
  std::vector<Pass> calls;

  at::Tensor run() {
    return checkpoint(x, {used, frozen, unused}, [this](const at::Tensor& input, Pass pass) {
      calls.push_back(pass);
      return input * used * frozen + used;
    });
  }
};

TEST_CASE("gradients reach the input and the leaves once; the part runs once in each pass") {
  Fixture f;
  f.x.requires_grad_(true);
  const at::Tensor y = f.run();
  CHECK((f.calls == std::vector<Pass>{Pass::kTrain}));
  y.sum().backward();
  CHECK((f.calls == std::vector<Pass>{Pass::kTrain, Pass::kRecompute}));
  CHECK(at::equal(f.x.grad(), f.used.detach() * 2));
  CHECK(at::equal(f.used.grad(), f.x.detach() * 2 + 1));
  CHECK(!f.frozen.grad().defined());
  CHECK(!f.unused.grad().defined());
  CHECK_THROWS(y.sum().backward());  // the input has been released
}

TEST_CASE("an input without gradient still trains the leaves") {
  Fixture f;
  f.run().sum().backward();
  CHECK(at::equal(f.used.grad(), f.x * 2 + 1));
  CHECK(!f.x.grad().defined());
}

TEST_CASE("without recording there is nothing to compute again") {
  Fixture f;
  const c10::AutoGradMode no_gradient(false);
  CHECK(!f.run().requires_grad());
  CHECK((f.calls == std::vector<Pass>{Pass::kTrain}));
}

TEST_CASE("an input that was changed after the forward pass is noticed") {
  Fixture f;
  const at::Tensor input = f.x;
  f.x = (input.requires_grad_(true) * 1);
  const at::Tensor y = f.run();
  f.x.add_(1);
  CHECK_THROWS(y.sum().backward());
}

TEST_CASE(
    "under bf16 autocast and with fused norms the recomputed pass is the same: gradients are equal bit for "
    "bit") {
  at::manual_seed(1);
  const at::Tensor images = at::randn({4, 3, 112, 112});
  const auto gradients = [&](bool checkpoint, bool vit, const char* fused_norm, const char* precision) {
    const BackboneSpec spec{.depth = "18",
                            .embedding_size = 16,
                            .checkpoint = checkpoint,
                            .fused_norm = fused_norm,
                            .precision = precision};
    const auto net = vit ? make_vit({.dim = 32, .depth = 2, .heads = 4}, spec, 1) : make_backbone(spec, 1);
    net->forward(images, {}).square().sum().backward();
    std::vector<at::Tensor> result;
    for (const NamedTensor& t : net->state())
      if (t.tensor.grad().defined()) result.push_back(t.tensor.grad());
    return result;
  };
  for (const auto& [vit, fused_norm, precision] :
       {std::tuple{false, "off", "bf16"}, {true, "off", "bf16"}, {false, "on", "fp32"}}) {
    const auto plain = gradients(false, vit, fused_norm, precision);
    const auto checkpointed = gradients(true, vit, fused_norm, precision);
    REQUIRE(plain.size() == checkpointed.size());
    for (std::size_t i = 0; i < plain.size(); ++i) CHECK(at::equal(plain[i], checkpointed[i]));
  }
}

}  // namespace
}  // namespace facetrain
