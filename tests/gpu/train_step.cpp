// A step on a GPU beside the same step on the CPU: in float64 the same numbers up to rounding, for each kind
// of network and each head; in float16 the loss falls, an overflow skips a step, and the next one goes on.
#include <ATen/ATen.h>
#include <ATen/Context.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/gpu/gpu.hpp"
#include "tests/gpu/one_trainer.hpp"
#include "tests/larger.hpp"
#include "trainer/cuda/scalar_copy.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

namespace {

double relative(double a, double b) {
  return std::abs(a - b) / std::max(std::abs(b), 1e-300);
}

// Steps of both; the largest relative difference of loss, gradient norm and network.
double difference(const BackboneSpec& spec, const Config& config, Precision precision,
                  std::uint64_t steps = 3) {
  OneTrainer on_cpu(spec, config, precision, at::kCPU), on_gpu(spec, config, precision, first_gpu());
  double largest = 0;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const at::Tensor images = pictures(step);
    const StepResult expected = on_cpu.step(images, step), result = on_gpu.step(images, step);
    largest = test::larger(largest, relative(result.loss.item<double>(), expected.loss.item<double>()));
    largest =
        test::larger(largest, relative(result.grad_norm.item<double>(), expected.grad_norm.item<double>()));
  }
  const auto expected = on_cpu.values(), values = on_gpu.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double size = expected[i].to(at::kDouble).norm().item<double>();
    const double apart = (values[i] - expected[i]).to(at::kDouble).norm().item<double>();
    largest = test::larger(largest, apart / std::max(size, 1.0));
  }
  return std::isfinite(largest) ? largest : std::numeric_limits<double>::infinity();
}

}  // namespace

TEST_CASE("every kind of network steps as on the CPU in float64") {
  if (no_gpu(/*cpu_may_stand_in=*/true)) return;
  const Config config = with_head("arcface", {0.5});
  for (const BackboneSpec& spec :
       {kSmall, BackboneSpec{.model = "iresnet", .depth = "18", .mode = "se", .dropout = 0.4},
        BackboneSpec{.model = "iresnet", .depth = "18", .dropout = 0.4, .checkpoint = true},
        BackboneSpec{.model = "vit", .depth = "s"}}) {
    CAPTURE(spec.model);
    CAPTURE(spec.mode);
    CHECK(difference(spec, config, Precision::kFp64) < 1e-9);
  }
}

TEST_CASE("every head steps as on the CPU in float64") {
  if (no_gpu(/*cpu_may_stand_in=*/true)) return;
#define HEAD(name, margin_count) REQUIRE(kMargins.contains(#name));
#include "trainer/head/heads.def"
#undef HEAD
  for (const auto& [head, margin] : kMargins) {
    CAPTURE(head);
    CHECK(difference(kSmall, with_head(head, margin), Precision::kFp64) < 1e-9);
  }
  Config sampled = with_head("arcface", {0.5});
  sampled.head.sample_rate = 0.5;
  CHECK(difference(kSmall, sampled, Precision::kFp64) < 1e-9);
  Config adamw = with_head("arcface", {0.5});
  adamw.train.optimizer = "adamw";
  CHECK(difference(kSmall, adamw, Precision::kFp64) < 1e-9);
}

TEST_CASE("float32 without TF32 is close to the CPU's") {
  if (no_gpu(/*cpu_may_stand_in=*/true)) return;
  const bool tf32 = at::globalContext().allowTF32CuDNN();
  at::globalContext().setAllowTF32CuDNN(false);
  // One step: rounding moves some inputs over PReLU's kink, which changes gradients by more than rounding
  // (two ways to compute on a CPU differ by 1e-4 after one step, by 1e-2 after three).
  CHECK(difference(kSmall, with_head("arcface", {0.5}), Precision::kFp32, 1) < 1e-3);
  // With fused norms on a GPU, and without on the CPU.
  const BackboneSpec iresnet{.model = "iresnet", .depth = "18", .mode = "se", .dropout = 0};
  CHECK(difference(iresnet, with_head("arcface", {0.5}), Precision::kFp32, 1) < 1e-2);
  at::globalContext().setAllowTF32CuDNN(tf32);
}

TEST_CASE("IResNet's first loss in float16 is close to the CPU's in float32") {
  if (no_gpu(/*cpu_may_stand_in=*/true)) return;
  BackboneSpec spec{.model = "iresnet", .depth = "18", .mode = "se"};
  const Config config = with_head("arcface", {0.5});
  OneTrainer on_cpu(spec, config, Precision::kFp32, at::kCPU);
  spec.precision = "fp16";
  OneTrainer on_gpu(spec, config, Precision::kFp16, first_gpu());
  const double expected = on_cpu.step(pictures(1), 0).loss.item<double>();
  CHECK(relative(on_gpu.step(pictures(1), 0).loss.item<double>(), expected) < 0.02);
}

TEST_CASE("float16: the loss falls, an overflow skips a step, and the next one goes on") {
  if (no_gpu(/*cpu_may_stand_in=*/true)) return;
  BackboneSpec spec = kSmall;
  spec.precision = "fp16";
  OneTrainer trainer(spec, with_head("arcface", {0.5}), Precision::kFp16, first_gpu());
  const at::Tensor images = pictures(1);
  std::vector<double> losses;
  for (std::uint64_t step = 0; step < 40; ++step)
    losses.push_back(trainer.step(images, step).loss.item<double>());
  CAPTURE(losses.front());
  CAPTURE(losses.back());
  CHECK(std::isfinite(losses.back()));
  CHECK(losses.back() < 0.8 * losses.front());

  const auto parameters = [&] {
    std::vector<at::Tensor> all;
    for (const at::Tensor& parameter : trainer.optimizer->parameters())
      all.push_back(parameter.detach().clone());
    return all;
  };
  const auto same = [](const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    bool all = a.size() == b.size();
    for (std::size_t i = 0; all && i < a.size(); ++i) all = a[i].equal(b[i]);
    return all;
  };
  const auto before = parameters();
  const float scale = trainer.scale->value().item<float>();
  at::Tensor broken = pictures(2);
  broken[0].fill_(std::numeric_limits<float>::infinity());
  CHECK(trainer.step(broken, 40).skipped.item<float>() == 1.0f);
  CHECK(same(parameters(), before));
  CHECK(trainer.scale->value().item<float>() == scale / 2);
  CHECK(trainer.step(images, 41).skipped.item<float>() == 0.0f);
  CHECK_FALSE(same(parameters(), before));
}

TEST_CASE("a number of a step comes to the host as it is, whatever its shape and type") {
  if (no_gpu(true)) return;
  const at::Device device = first_gpu();
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    CHECK(ScalarCopy(at::full({}, 3.5, at::TensorOptions(type).device(device))).value() == 3.5);
    CHECK(ScalarCopy(at::full({1}, -0.25, at::TensorOptions(type).device(device))).value() == -0.25);
  }
}
