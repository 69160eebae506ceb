// What the host does in a GPU's training step, with the stand-in for CUDA in a GPU's place
// (tests/gpu/stand_in/counts.hpp): no check of LibTorch's refuses it, the host never waits for the device,
// and it launches no more kernels than it should.
#include <ATen/ATen.h>
#include <dlfcn.h>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/gpu/gpu.hpp"
#include "tests/gpu/one_trainer.hpp"
#include "tests/gpu/stand_in/counts.hpp"
#include "trainer/backbones/fused_norm.hpp"
#include "trainer/cuda/fused_bn.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

namespace {

stand_in::Read counter() {
  const auto read = reinterpret_cast<stand_in::Read>(dlsym(RTLD_DEFAULT, stand_in::kReadName));
  if (read == nullptr) std::cout << "SKIPPED: without the stand-in for CUDA (tests/gpu/stand_in/run)\n";
  return read;
}

constexpr int kSteps = 3;

// Of one step, after two that warm up.
stand_in::Counts step_counts(const BackboneSpec& spec, const Config& config, Precision precision) {
  const stand_in::Read read = counter();
  OneTrainer trainer(spec, config, precision, first_gpu());
  const at::Tensor images = pictures(1).to(trainer.device).contiguous(at::MemoryFormat::ChannelsLast);
  const Batch batch{images, at::arange(kBatch).remainder(kClasses).pin_memory()};
  stand_in::Counts before;
  for (int step = 0; step < 2 + kSteps; ++step) {
    if (step == 2) before = read();
    (void)train_step(trainer.state, batch, {.step = static_cast<std::uint64_t>(step)}, 0.02);
  }
  const stand_in::Counts after = read();
  return {(after.launches - before.launches) / kSteps, after.waits - before.waits, 0, 0};
}

}  // namespace

TEST_CASE("the host does not wait for the device in a training step, whatever the network and precision") {
  if (counter() == nullptr) return;
  for (BackboneSpec spec : {kSmall, BackboneSpec{.model = "iresnet", .depth = "18", .mode = "se"},
                            BackboneSpec{.model = "iresnet", .depth = "18", .checkpoint = true},
                            BackboneSpec{.model = "vit", .depth = "s"}})
    for (const auto& [name, precision] :
         {std::pair{"fp16", Precision::kFp16}, {"bf16", Precision::kBf16}, {"fp32", Precision::kFp32}}) {
      spec.precision = name;
      CAPTURE(spec.model);
      CAPTURE(spec.mode);
      CAPTURE(name);
      const stand_in::Counts counts = step_counts(spec, with_head("arcface", {0.5}), precision);
      CHECK(counts.waits == 0);
      CHECK(counts.launches > 100);
    }
}

TEST_CASE("nor whatever the head and optimiser") {
  if (counter() == nullptr) return;
  BackboneSpec spec = kSmall;
  spec.precision = "fp16";
  for (const auto& [head, margin] : kMargins) {
    CAPTURE(head);
    CHECK(step_counts(spec, with_head(head, margin), Precision::kFp16).waits == 0);
  }
  Config adamw = with_head("arcface", {0.5});
  adamw.train.optimizer = "adamw";
  CHECK(step_counts(spec, adamw, Precision::kFp16).waits == 0);
  // The classes of partial FC are chosen on the host, from the labels of all ranks.
  Config sampled = with_head("arcface", {0.5});
  sampled.head.sample_rate = 0.5;
  CHECK(step_counts(spec, sampled, Precision::kFp16).waits > 0);
}

TEST_CASE("launches of an IResNet-50's step in float16") {
  if (counter() == nullptr) return;
  BackboneSpec spec{.model = "iresnet", .depth = "50", .mode = "se", .dropout = 0, .precision = "fp16"};
  const stand_in::Counts counts = step_counts(spec, with_head("arcface", {0.5}), Precision::kFp16);
  std::cout << "IResNet-50 se, float16: " << counts.launches << " launches a step\n";
  if (has_cuda_norm()) CHECK(counts.launches < 820);
}
