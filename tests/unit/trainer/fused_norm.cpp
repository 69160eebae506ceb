// BatchNorm, PReLU and residual addition in one pass against LibTorch's separate operators: values, all
// gradients, running statistics; with and without each, odd numbers of channels, one thread and two.
#include "trainer/backbones/fused_norm.hpp"
#include "tests/tensor_difference.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <array>
#include <optional>
#include <vector>

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

struct Case {
  std::int64_t pictures, channels, side;
  bool slope, residual, running;
};

at::Tensor draw_normal(at::IntArrayRef sizes, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const at::Tensor values = at::randn(sizes, generator, at::kDouble);
  return values.dim() == 4 ? values.contiguous(at::MemoryFormat::ChannelsLast) : values;
}

// x, then what FusedNorm names; all leaves of one type.
struct Inputs {
  Inputs(const Case& of, at::ScalarType type) {
    const std::int64_t channels = of.channels;
    const std::vector<std::int64_t> sizes{of.pictures, channels, of.side, of.side};
    // Means that differ by channel and are not small against the deviation.
    x = leaf(draw_normal(sizes, 1) * 1.5 + draw_normal({1, channels, 1, 1}, 2) * 3, type);
    norm.weight = leaf(draw_normal({channels}, 3) + 0.3, type);
    norm.bias = leaf(draw_normal({channels}, 4), type);
    if (of.slope) norm.slope = leaf(draw_normal({channels}, 5), type);
    if (of.residual) norm.residual = leaf(draw_normal(sizes, 6), type);
    if (of.running) {
      norm.running_mean = draw_normal({channels}, 7).to(type);
      norm.running_var = draw_normal({channels}, 8).square().to(type);
    }
  }
  static at::Tensor leaf(const at::Tensor& values, at::ScalarType type) {
    return values.to(type).detach().requires_grad_(true);
  }
  std::vector<at::Tensor> leaves() const {
    std::vector<at::Tensor> all{x, norm.weight, norm.bias};
    if (norm.slope.defined()) all.push_back(norm.slope);
    if (norm.residual.defined()) all.push_back(norm.residual);
    return all;
  }
  at::Tensor x;
  FusedNorm norm;
};

at::Tensor unfused(const at::Tensor& x, const FusedNorm& norm) {
  const auto given = [](const at::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; };
  at::Tensor y = at::batch_norm(x, norm.weight, norm.bias, given(norm.running_mean), given(norm.running_var),
                                true, norm.momentum, norm.eps, false);
  if (norm.slope.defined()) y = at::prelu(y, norm.slope);
  return norm.residual.defined() ? y + norm.residual : y;
}

// Largest difference relative to the largest value.
// Against the operators in float64 on the same numbers.
void compare(const Case& of, at::ScalarType type, double tolerance) {
  CAPTURE(of.channels);
  CAPTURE(of.slope);
  CAPTURE(of.residual);
  Inputs ours(of, type), theirs(of, type);
  theirs.x = Inputs::leaf(theirs.x, at::kDouble);
  for (at::Tensor* t : {&theirs.norm.weight, &theirs.norm.bias, &theirs.norm.slope, &theirs.norm.residual})
    if (t->defined()) *t = Inputs::leaf(*t, at::kDouble);
  for (at::Tensor* t : {&theirs.norm.running_mean, &theirs.norm.running_var})
    if (t->defined()) *t = t->to(at::kDouble).clone();

  REQUIRE(can_fuse_norm(ours.x, ours.norm));
  const at::Tensor y = fused_norm(ours.x, ours.norm), expected = unfused(theirs.x, theirs.norm);
  CHECK(y.is_contiguous(at::MemoryFormat::ChannelsLast));
  CHECK(test::relative_difference(y, expected) < tolerance);
  const at::Tensor gradient = draw_normal(y.sizes(), 9).to(type);
  y.backward(gradient);
  expected.backward(gradient.to(at::kDouble));
  const std::vector<at::Tensor> own = ours.leaves(), other = theirs.leaves();
  for (std::size_t i = 0; i < own.size(); ++i) {
    CAPTURE(i);
    CHECK(test::relative_difference(own[i].grad(), other[i].grad()) < tolerance);
  }
  if (!of.running) return;
  CHECK(test::relative_difference(ours.norm.running_mean, theirs.norm.running_mean) < tolerance);
  CHECK(test::relative_difference(ours.norm.running_var, theirs.norm.running_var) < tolerance);
}

}  // namespace

TEST_CASE("the fused pass is batch norm, PReLU and addition one after the other") {
  for (const bool slope : {false, true})
    for (const bool residual : {false, true})
      for (const auto& [pictures, channels, side] :
           {std::array<std::int64_t, 3>{2, 64, 14}, {3, 5, 7}, {2, 1, 9}, {5, 67, 3}, {1, 33, 40}}) {
        compare({pictures, channels, side, slope, residual, true}, at::kDouble, 1e-12);
        compare({pictures, channels, side, slope, residual, true}, at::kFloat, 1e-5);
      }
  compare({2, 8, 5, true, false, false}, at::kDouble, 1e-12);
}

TEST_CASE("the sums do not depend on the number of threads") {
  const Case of{4, 48, 40, true, true, true};
  std::vector<at::Tensor> first;
  const int threads = at::get_num_threads();
  for (const int count : {1, 2}) {
    at::set_num_threads(count);
    Inputs inputs(of, at::kFloat);
    fused_norm(inputs.x, inputs.norm).square().sum().backward();
    std::vector<at::Tensor> results{inputs.norm.running_mean, inputs.norm.running_var};
    for (const at::Tensor& leaf : inputs.leaves()) results.push_back(leaf.grad());
    if (first.empty()) first = results;
    for (std::size_t i = 0; i < results.size(); ++i) CHECK(results[i].equal(first[i]));
  }
  at::set_num_threads(threads);
}

TEST_CASE("a gradient that reaches x by a shortcut is added to its own, and none is nothing") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble})
    for (const bool slope : {false, true}) {
      const Case of{2, 67, 6, slope, false, false};
      Inputs ours(of, type), apart(of, type), alone(of, type);
      const at::Tensor by = draw_normal(ours.x.sizes(), 10).to(type),
                       shortcut = draw_normal(ours.x.sizes(), 11).to(type);
      const NormAndInput both = fused_norm_and_input(ours.x, ours.norm);
      CHECK(both.x.equal(ours.x));
      ((both.y * by).sum() + (both.x * shortcut).sum()).backward();
      ((fused_norm(apart.x, apart.norm) * by).sum() + (apart.x * shortcut).sum()).backward();
      (fused_norm_and_input(alone.x, alone.norm).x * shortcut).sum().backward();
      CHECK(test::relative_difference(ours.x.grad(), apart.x.grad().to(at::kDouble)) <
            (type == at::kFloat ? 1e-6 : 1e-14));
      CHECK(ours.norm.weight.grad().equal(apart.norm.weight.grad()));
      CHECK(alone.x.grad().equal(shortcut));
      CHECK_FALSE(alone.norm.weight.grad().defined());
    }
}

TEST_CASE("what it does not take is said, not computed") {
  Inputs inputs({2, 4, 3, false, false, true}, at::kFloat);
  CHECK(can_fuse_norm(inputs.x, inputs.norm));
  CHECK_FALSE(can_fuse_norm(inputs.x.detach().contiguous(), inputs.norm));  // channels first
  CHECK_FALSE(can_fuse_norm(inputs.x.detach().to(at::kBFloat16), inputs.norm));
  CHECK_FALSE(can_fuse_norm(at::zeros({3, 4}), inputs.norm));
  inputs.norm.residual = at::zeros({2, 4, 1, 1});
  CHECK_FALSE(can_fuse_norm(inputs.x, inputs.norm));
}
