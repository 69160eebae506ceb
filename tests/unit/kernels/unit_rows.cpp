// The kernels of unit rows (trainer/cuda/unit_rows.cu), run on the CPU thread by thread, against the formula
// in float64: every pair of types, rows of any length and number, rows of zero, below the smallest norm and
// of NaN, memory that begins anywhere.
#include <ATen/ATen.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "common/error.hpp"
#include "tests/kernels/in_any_order.hpp"
#include "trainer/cuda/unit_rows.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

namespace {

constexpr double kLeastNorm = 1e-12;

struct RowKind {
  at::ScalarType rows, units;
  double of_units, of_gradient;  // tolerances relative to a row's largest number
};
const RowKind kRowKinds[] = {{at::kFloat, at::kHalf, 5e-4, 1e-6},
                             {at::kFloat, at::kBFloat16, 4e-3, 1e-6},
                             {at::kFloat, at::kFloat, 2e-7, 1e-6},
                             {at::kDouble, at::kDouble, 1e-15, 1e-14}};

at::Tensor draw_rows(at::IntArrayRef sizes, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(sizes, generator, at::kDouble);
}

// Of each row relative to its largest number; NaN differs.
double row_difference(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor off = (ours.to(at::kDouble) - expected).abs().nan_to_num(1e9, 1e9).amax({1});
  return (off / expected.abs().amax({1}).clamp_min(1e-30)).max().item<double>();
}

void check_rows(const RowKind& kind, const at::Tensor& rows, const at::Tensor& gradient) {
  bool equal = true;
  const std::vector<at::Tensor> results = in_any_order(
      [&] {
        return std::vector<at::Tensor>{cuda_unit_rows(rows, kLeastNorm, kind.units),
                                       cuda_unit_rows_gradient(rows, gradient, kLeastNorm)};
      },
      equal);
  CHECK(equal);
  CHECK((results[0].scalar_type() == kind.units));
  CHECK((results[1].scalar_type() == kind.rows));
  const at::Tensor exact = rows.to(at::kDouble).clone().requires_grad_(true);
  const at::Tensor units = exact / exact.norm(2, {1}, true).clamp_min(kLeastNorm);
  units.backward(gradient.to(at::kDouble));
  CHECK(row_difference(results[0], units.detach()) < kind.of_units);
  // Of one number the unit is +-1 whatever it is: what remains of the gradient is rounding.
  if (rows.size(1) > 1) CHECK(row_difference(results[1], exact.grad()) < kind.of_gradient);
}

}  // namespace

TEST_CASE("unit rows and their gradient are the formula's, for rows of any length and number") {
  for (const RowKind& kind : kRowKinds)
    for (const std::int64_t size : {1, 3, 4, 31, 37, 128, 132, 512})
      for (const std::int64_t count : {1, 8, 21}) {
        CAPTURE(kind.units);
        CAPTURE(size);
        CAPTURE(count);
        check_rows(kind, draw_rows({count, size}, 1).to(kind.rows),
                   draw_rows({count, size}, 2).to(kind.units));
      }
}

TEST_CASE("rows of zero, and below the smallest norm") {
  for (const RowKind& kind : kRowKinds) {
    at::Tensor rows = draw_rows({9, 64}, 1).to(kind.rows);
    rows[2].fill_(0);
    rows[5].mul_(1e-15);
    check_rows(kind, rows, draw_rows({9, 64}, 2).to(kind.units));
  }
}

TEST_CASE("NaN stays in its row and fills it") {
  for (const RowKind& kind : kRowKinds) {
    at::Tensor rows = draw_rows({9, 64}, 1).to(kind.rows), gradient = draw_rows({9, 64}, 2).to(kind.units);
    rows[3][17].fill_(std::numeric_limits<double>::quiet_NaN());
    const at::Tensor expected = (at::arange(9) == 3).unsqueeze(1).expand({9, 64});
    CHECK(cuda_unit_rows(rows, kLeastNorm, kind.units).isnan().equal(expected));
    CHECK(cuda_unit_rows_gradient(rows, gradient, kLeastNorm).isnan().equal(expected));
  }
}

TEST_CASE("rows and gradients that begin anywhere in memory") {
  for (const RowKind& kind : kRowKinds) {
    const auto moved = [](const at::Tensor& values) {
      const at::Tensor memory = at::empty({values.numel() + 1}, values.options());
      const at::Tensor there = memory.narrow(0, 1, values.numel()).view(values.sizes());
      there.copy_(values);
      return there;
    };
    const at::Tensor rows = draw_rows({9, 64}, 1).to(kind.rows),
                     gradient = draw_rows({9, 64}, 2).to(kind.units);
    check_rows(kind, moved(rows), gradient);
    check_rows(kind, rows, moved(gradient));
  }
}

TEST_CASE("no rows, and types without a kernel") {
  CHECK(cuda_unit_rows(at::zeros({0, 8}), kLeastNorm, at::kHalf).size(0) == 0);
  CHECK(cuda_unit_rows_gradient(at::zeros({0, 8}), at::zeros({0, 8}, at::kHalf), kLeastNorm).size(0) == 0);
  CHECK_THROWS_AS(cuda_unit_rows(at::zeros({2, 8}), kLeastNorm, at::kDouble), Error);
  CHECK_THROWS_AS(cuda_unit_rows(at::zeros({2, 8}, at::kHalf), kLeastNorm, at::kHalf), Error);
}
