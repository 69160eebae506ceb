// Flat memory under the parameters: values, strides and handles stay, an optimiser's memory is found by
// parameter, and the one pass of the CPU rounds as torch's fused SGD after torch's clipping.
#include "trainer/optim/update_ranges.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <string>

#include "common/error.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/optim/adamw.hpp"
#include "trainer/optim/cpu_passes.hpp"
#include "trainer/optim/sgd.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType type) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, type);
}

// A channels-last convolution, its BatchNorm (no decay), a PReLU, a matrix; the last one is in no bucket.
struct Net {
  std::vector<TrainedParameter> parameters;
  explicit Net(at::ScalarType type) {
    const auto add = [&](const at::Tensor& values, bool decay, bool clipped) {
      parameters.push_back({values.clone().set_requires_grad(true), decay, clipped});
    };
    add(draw({4, 3, 3, 3}, 1, type).contiguous(at::MemoryFormat::ChannelsLast), true, true);
    add(draw({4}, 2, type), false, true);
    add(draw({4}, 3, type), false, true);
    add(draw({4}, 4, type), true, true);
    add(draw({5, 36}, 5, type), true, true);
    add(draw({7, 5}, 6, type), true, false);
  }
  std::vector<at::Tensor> bucketed() const {
    std::vector<at::Tensor> all;
    for (std::size_t i = 0; i < 5; ++i) all.push_back(parameters[i].tensor);
    return all;
  }
  std::vector<at::Tensor> values() const {
    std::vector<at::Tensor> all;
    for (const TrainedParameter& parameter : parameters) all.push_back(parameter.tensor.detach().clone());
    return all;
  }
  // With .grad where there is none yet, adding to it where there is.
  void give_gradients(std::uint64_t seed) {
    const at::NoGradGuard no_grad;
    for (TrainedParameter& parameter : parameters) {
      at::Tensor gradient = draw(parameter.tensor.sizes(), seed++, parameter.tensor.scalar_type());
      if (parameter.tensor.dim() == 4) gradient = gradient.contiguous(at::MemoryFormat::ChannelsLast);
      if (parameter.tensor.grad().defined())
        parameter.tensor.mutable_grad().copy_(gradient);
      else
        parameter.tensor.mutable_grad() = gradient;
    }
  }
};

const std::vector<bool> kDecays = {true, false, false, true, true};

// The same values (up to `tolerance`, relative and absolute) in the same layout.
bool near(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, double tolerance) {
  bool all = a.size() == b.size();
  for (std::size_t i = 0; all && i < a.size(); ++i)
    all = at::allclose(a[i], b[i], tolerance, tolerance) && a[i].strides() == b[i].strides();
  return all;
}
bool equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return near(a, b, 0);
}

}  // namespace

TEST_CASE("parameters move into a range for each kind of update, and nobody notices") {
  SelfCommunicator alone;
  Net net(at::kFloat);
  const auto before = net.values();
  const at::Tensor handle = net.parameters[0].tensor;
  GradientBuckets buckets(net.bucketed(), alone, 16u << 20, at::kFloat, kDecays);
  const UpdateRanges ranges(net.parameters, buckets.buckets());
  CHECK(equal(net.values(), before));
  REQUIRE(ranges.ranges().size() == 3);
  const UpdateRange &decayed = ranges.ranges()[0], &plain = ranges.ranges()[1], &own = ranges.ranges()[2];
  CHECK(decayed.parameters == std::vector<std::size_t>{4, 3, 0});
  CHECK(plain.parameters == std::vector<std::size_t>{2, 1});
  CHECK(own.parameters == std::vector<std::size_t>{5});
  CHECK(decayed.weight_decay);
  CHECK_FALSE(plain.weight_decay);
  CHECK(plain.clipped);
  CHECK_FALSE(own.clipped);
  // The ranges are the parameters and the buckets' gradients, not copies of them.
  decayed.values.fill_(3);
  decayed.gradients.fill_(4);
  CHECK(handle.eq(3).all().item<bool>());
  CHECK(handle.grad().eq(4).all().item<bool>());
  CHECK(handle.is_contiguous(at::MemoryFormat::ChannelsLast));
  CHECK(equal({net.parameters[1].tensor.detach()}, {before[1]}));
}

TEST_CASE("an optimiser on ranges does what it does parameter by parameter, SGD bit for bit") {
  SelfCommunicator alone;
  for (const std::string rule : {"sgd", "sgd without momentum", "adamw"})
    for (const at::ScalarType type : {at::kFloat, at::kDouble})
      for (const std::size_t bytes : {std::size_t{1}, std::size_t{16} << 20}) {
        CAPTURE(rule);
        CAPTURE(bytes);
        Net flat(type), loose(type);
        GradientBuckets buckets(flat.bucketed(), alone, bytes, at::kFloat, kDecays);
        const auto make = [&](const Net& net,
                              std::span<const GradientBucket> of) -> std::unique_ptr<Optimizer> {
          if (rule == "adamw") return std::make_unique<AdamW>(net.parameters, 0.05, of);
          return std::make_unique<Sgd>(net.parameters, rule == "sgd" ? 0.9 : 0.0, 0.05, nullptr, of);
        };
        const auto a = make(flat, buckets.buckets()), b = make(loose, {});
        const GradientFactors factors{at::full({}, 0.25), at::full({}, 0.3, type)};
        for (std::uint64_t step = 0; step < 3; ++step) {
          buckets.begin_step();
          flat.give_gradients(100 * step);
          loose.give_gradients(100 * step);
          a->step(0.1, at::zeros({1}), factors);
          b->step(0.1, at::zeros({1}), factors);
        }
        // torch's AdamW rounds the last elements of a tensor otherwise than those that fill a vector.
        const double tolerance = rule != "adamw" ? 0 : type == at::kFloat ? 1e-6 : 1e-14;
        CHECK(near(flat.values(), loose.values(), tolerance));
        const auto of_flat = a->state(), of_loose = b->state();
        REQUIRE(of_flat.size() == of_loose.size());
        for (std::size_t i = 0; i < of_flat.size(); ++i)
          CHECK(near(of_flat[i].tensors, of_loose[i].tensors, tolerance));
        CHECK_FALSE(equal(flat.values(), Net(type).values()));
      }
}

TEST_CASE("restoring an optimiser's memory by parameter restores it") {
  SelfCommunicator alone;
  Net first(at::kFloat), second(at::kFloat);
  GradientBuckets of_first(first.bucketed(), alone, 1000, at::kFloat, kDecays);
  GradientBuckets of_second(second.bucketed(), alone, 16u << 20, at::kFloat, kDecays);  // laid out otherwise
  Sgd a(first.parameters, 0.9, 0.05, nullptr, of_first.buckets());
  Sgd b(second.parameters, 0.9, 0.05, nullptr, of_second.buckets());
  first.give_gradients(7);
  a.step(0.1);
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < first.parameters.size(); ++i) {
    at::Tensor value = second.parameters[i].tensor, velocity = b.state()[0].tensors[i];
    value.copy_(first.parameters[i].tensor);
    velocity.copy_(a.state()[0].tensors[i]);
  }
  first.give_gradients(8);
  second.give_gradients(8);
  a.step(0.1);
  b.step(0.1);
  CHECK(equal(first.values(), second.values()));
}

TEST_CASE("a parameter that was moved out of its range is reported, and so is a missing gradient") {
  SelfCommunicator alone;
  Net net(at::kFloat);
  GradientBuckets buckets(net.bucketed(), alone, 16u << 20, at::kFloat, kDecays);
  Sgd sgd(net.parameters, 0.9, 0.05, nullptr, buckets.buckets());
  CHECK_THROWS_WITH_AS(sgd.step(0.1), doctest::Contains("parameter 5 has no gradient"), Error);
  net.give_gradients(1);
  sgd.step(0.1);
  net.parameters[1].tensor.set_data(at::ones({4}));
  CHECK_THROWS_WITH_AS(sgd.step(0.1), doctest::Contains("parameter 1 was moved"), Error);
}

TEST_CASE("the pass over memory rounds as torch's unscaling, clipping and fused SGD, one after the other") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble})
    for (const double momentum : {0.9, 0.0}) {
      CAPTURE(momentum);
      // Whole vectors: the last elements of a tensor that fill none are rounded otherwise by torch.
      at::Tensor values = draw({16'384}, 1, type), velocities = draw({16'384}, 2, type);
      const at::Tensor gradients = draw({16'384}, 3, type);
      at::Tensor expected = values.clone(), expected_velocities = velocities.clone();
      const at::Tensor clip = at::full({}, 0.37, type), unscale = at::full({}, 1.0 / 1024, type);
      for (int step = 0; step < 2; ++step) {
        const at::Tensor scaled = gradients.mul(unscale).mul_(clip);
        std::vector<at::Tensor> kept;
        if (momentum > 0) kept.push_back(expected_velocities);
        at::_fused_sgd_({expected}, {scaled}, kept, 5e-4, momentum, 0.1, 0, false, false, false);
        sgd_pass(values, gradients, momentum > 0 ? velocities : at::Tensor(),
                 {0.1, momentum, 5e-4, unscale.item<double>(), clip.item<double>()});
      }
      CHECK(at::equal(values, expected));
      CHECK(at::equal(velocities, expected_velocities));
    }
}

TEST_CASE("the sum of squares is exact and does not depend on the number of threads") {
  const at::Tensor values = draw({1'000'003}, 5, at::kFloat);
  const double exact = values.to(at::kDouble).square().sum().item<double>();
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double one = sum_of_squares(values);
  at::set_num_threads(3);
  const double three = sum_of_squares(values);
  at::set_num_threads(threads);
  CHECK(one == doctest::Approx(exact).epsilon(1e-13));
  CHECK(one == three);
  CHECK(sum_of_squares(at::full({5}, 1e30f)) == doctest::Approx(5e60));  // float32 would overflow
  CHECK(sum_of_squares(at::zeros({0})) == 0);
}
