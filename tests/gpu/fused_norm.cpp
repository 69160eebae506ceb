// BatchNorm, PReLU and residual addition in one pass on a GPU against the same pass on the CPU in float64:
// values, gradients, running statistics; wide and odd numbers of channels, half types.
#include <ATen/ATen.h>

#include <array>
#include <iostream>
#include <vector>

#include "tests/away_from_kink.hpp"
#include "tests/gpu/gpu.hpp"
#include "trainer/backbones/fused_norm.hpp"
#include "trainer/cuda/fused_bn.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::first_gpu;
using facetrain::test::no_gpu;

namespace {

bool no_kernels() {
  if (no_gpu()) return true;
  if (has_cuda_norm()) return false;
  std::cout << "SKIPPED: this build has no GPU kernels (no nvcc)\n";
  return true;
}

struct Results {
  at::Tensor y;
  std::vector<at::Tensor> others;  // gradients, then running statistics
};

// `inputs`: x, weight, bias, slope, residual, running mean and variance, gradient of y, and of x by a
// shortcut; float64 on the CPU.
Results run(const std::vector<at::Tensor>& inputs, bool slope, bool residual, at::Device device,
            at::ScalarType type, at::ScalarType of_parameters) {
  const auto leaf = [&](std::size_t i, at::ScalarType as) {
    return inputs[i].to(device, as).detach().clone(at::MemoryFormat::Preserve).requires_grad_(true);
  };
  const at::Tensor x = leaf(0, type);
  FusedNorm norm;
  norm.weight = leaf(1, of_parameters), norm.bias = leaf(2, of_parameters);
  if (slope) norm.slope = leaf(3, of_parameters);
  if (residual) norm.residual = leaf(4, type);
  norm.running_mean = inputs[5].to(device, of_parameters).clone();
  norm.running_var = inputs[6].to(device, of_parameters).clone();
  REQUIRE(can_fuse_norm(x, norm));
  const NormAndInput both = fused_norm_and_input(x, norm);
  at::Tensor sum = (both.y * inputs[7].to(device, type)).sum();
  if (residual) sum = sum + (both.x * inputs[8].to(device, type)).sum();  // and a gradient by the shortcut
  sum.backward();
  Results results{both.y.detach(),
                  {x.grad(), norm.weight.grad(), norm.bias.grad(), norm.running_mean, norm.running_var}};
  if (slope) results.others.push_back(norm.slope.grad());
  if (residual) results.others.push_back(norm.residual.grad());
  return results;
}

double difference(const at::Tensor& ours, const at::Tensor& expected) {
  return (ours.cpu().to(at::kDouble) - expected).abs().max().item<double>() /
         expected.abs().max().item<double>();
}

}  // namespace

TEST_CASE("the fused pass on a GPU is the CPU's") {
  if (no_kernels()) return;
  const at::Device device = first_gpu();
  for (const auto& [pictures, channels, side] : {std::array<std::int64_t, 3>{4, 64, 56},
                                                 {3, 5, 7},
                                                 {2, 1, 9},
                                                 {5, 67, 3},
                                                 {2, 512, 7},
                                                 {8, 128, 28},
                                                 {32, 64, 56},  // rows that a thread asks for together
                                                 {32, 160, 28}}) {
    CAPTURE(channels);
    const std::vector<std::int64_t> sizes{pictures, channels, side, side};
    for (const auto& [type, tolerance] :
         {std::pair{at::kFloat, 1e-5}, {at::kHalf, 3e-3}, {at::kBFloat16, 2e-2}}) {
      CAPTURE(type);
      const auto pixels = [&, type = type] {  // numbers that the type has
        return at::randn(sizes, at::kDouble)
            .to(type)
            .to(at::kDouble)
            .contiguous(at::MemoryFormat::ChannelsLast);
      };
      const auto numbers = [&] { return at::randn({channels}, at::kDouble).to(at::kFloat).to(at::kDouble); };
      const at::Tensor drawn = numbers(), bias = numbers();
      // Away from 0: a channel of which all is at the kink is no test.
      const at::Tensor weight = (drawn + drawn.sign() * 0.5).to(at::kFloat).to(at::kDouble);
      const at::Tensor x = test::away_from_kink(pixels().to(type), weight, bias).to(at::kDouble);
      const std::vector<at::Tensor> inputs{
          x, weight, bias, numbers(), pixels(), numbers(), numbers().square(), pixels(), pixels()};
      for (const bool slope : {false, true})
        for (const bool residual : {false, true}) {
          CAPTURE(slope);
          CAPTURE(residual);
          const Results ours = run(inputs, slope, residual, device, type, at::kFloat);
          const Results expected = run(inputs, slope, residual, at::kCPU, at::kDouble, at::kDouble);
          CHECK(difference(ours.y, expected.y) < tolerance);
          for (std::size_t i = 0; i < ours.others.size(); ++i) {
            CAPTURE(i);
            CHECK(difference(ours.others[i], expected.others[i]) < tolerance);
          }
        }
    }
  }
}
