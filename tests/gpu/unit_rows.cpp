// Rows of length 1 and their gradient on a GPU against the CPU's in float64, in every type that a head
// multiplies in, at widths that do and do not make packs.
#include <ATen/ATen.h>

#include <tuple>

#include "tests/gpu/gpu.hpp"
#include "trainer/cuda/unit_rows.hpp"
#include "trainer/head/unit_rows.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::first_gpu;
using facetrain::test::no_gpu;

namespace {

double difference(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor scale = expected.abs().amax({1}, true).clamp_min(1e-30);
  return ((ours.cpu().to(at::kDouble) - expected).abs() / scale).max().item<double>();
}

}  // namespace

TEST_CASE("unit rows and their gradient on a GPU are the CPU's") {
  if (no_gpu(/*cpu_may_stand_in=*/true)) return;
  const at::Device device = first_gpu();
  for (const std::int64_t size : {1, 7, 37, 64, 512, 514}) {
    CAPTURE(size);
    at::Tensor drawn = at::randn({1001, size}, at::kDouble);
    drawn[3].fill_(0);
    drawn[4].mul_(1e-15);  // below the smallest norm
    for (const auto& [rows_type, type, tolerance] : {std::tuple{at::kFloat, at::kHalf, 1e-3},
                                                     {at::kFloat, at::kBFloat16, 8e-3},
                                                     {at::kFloat, at::kFloat, 1e-5},
                                                     {at::kDouble, at::kDouble, 1e-12}}) {
      CAPTURE(type);
      const at::Tensor rows = drawn.to(rows_type), gradient = at::randn({1001, size}, at::kDouble).to(type);
      const at::Tensor exact = rows.to(at::kDouble).requires_grad_(true);
      const at::Tensor expected = exact / exact.norm(2, {1}, true).clamp_min(kSmallestRowNorm);
      expected.backward(gradient.to(at::kDouble));
      const at::Tensor there = rows.to(device), units = cuda_unit_rows(there, kSmallestRowNorm, type);
      CHECK((units.scalar_type() == type));
      CHECK(difference(units, expected.detach()) < tolerance);
      const at::Tensor back = cuda_unit_rows_gradient(there, gradient.to(device), kSmallestRowNorm);
      CHECK((back.scalar_type() == rows_type));
      // Of one number the unit is +-1 whatever it is: what remains of the gradient is rounding.
      if (size > 1) CHECK(difference(back, exact.grad()) < (rows_type == at::kFloat ? 1e-5 : 1e-11));
    }
  }
}
