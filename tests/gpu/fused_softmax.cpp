// The softmax's two passes on a GPU against the CPU's in float64 on the same numbers, in every type.
#include <ATen/ATen.h>

#include <algorithm>

#include "tests/gpu/gpu.hpp"
#include "trainer/head/libtorch_softmax.hpp"
#include "trainer/head/softmax_passes.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::first_gpu;
using facetrain::test::no_gpu;

namespace {

// Below float16's normal numbers its rounding is as coarse as at the least of them.
double relative(const at::Tensor& ours, const at::Tensor& expected) {
  if (ours.numel() == 0) return 0;
  const at::Tensor off = (ours.cpu().to(at::kDouble) - expected).abs();
  const double most = expected.abs().max().item<double>();
  if (most == 0) return off.max().item<double>();
  const double normal = ours.scalar_type() == at::kHalf ? 6.1e-5 : 0;
  return (off / expected.abs().clamp_min(std::max(most * 1e-6, normal))).max().item<double>();
}

}  // namespace

TEST_CASE("sums and gradients on a GPU are the CPU's, at any alignment of a row") {
  if (no_gpu(true)) return;
  const at::Device device = first_gpu();
  const LogitRule rule{64, 1 - 1e-7, 0};
  for (const std::int64_t classes : {0, 1, 7, 33, 256, 12500, 12501}) {
    CAPTURE(classes);
    const at::Tensor columns = at::arange(50).remainder(classes + 1) - 1;
    const at::Tensor cosines = at::rand({50, classes}, at::kDouble) * 2.1 - 1.05;
    for (const auto& [type, tolerance] :
         {std::pair{at::kHalf, 2e-3}, {at::kBFloat16, 2e-2}, {at::kFloat, 3e-5}, {at::kDouble, 1e-12}}) {
      CAPTURE(type);
      const at::Tensor values = cosines.to(type).to(device), exact = cosines.to(type).to(at::kDouble);
      const at::Tensor sums = libtorch_softmax_sums(exact, columns, rule);
      // The logits are the same numbers: only the arithmetic may differ, in float32 for half types.
      CHECK(relative(softmax_sums(values, columns.to(device), rule), sums) < std::min(tolerance, 1e-4));
      const at::Tensor factors = 1024 / sums.clamp_min(1);
      softmax_gradient(values, columns.to(device), rule, factors.to(device));
      libtorch_softmax_gradient(exact, columns, rule, factors);
      CHECK(relative(values, exact) < tolerance);
    }
  }
}
