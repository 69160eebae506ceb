// The softmax's kernels (trainer/cuda/fused_softmax.cu), run on the CPU thread by thread, against the formula
// in float64: every type, rows that begin and end anywhere in 16 bytes, labels here and elsewhere, numbers
// beyond all bounds.
#include "trainer/cuda/fused_softmax.hpp"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "common/error.hpp"
#include "tests/unit/kernels/softmax_comparison.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

namespace {

constexpr std::array kTypes{at::kHalf, at::kBFloat16, at::kFloat, at::kDouble};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Of a result; the arithmetic's, of an exponential, is at most 3e-5.
double rounding_of(at::ScalarType type) {
  return type == at::kHalf ? 6e-4 : type == at::kBFloat16 ? 5e-3 : type == at::kFloat ? 3e-5 : 1e-12;
}

// Both kernels against the formula, in any order of threads.
void check_both(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                at::ScalarType type, std::int64_t offset) {
  CAPTURE(type);
  CAPTURE(values.size(1));
  CAPTURE(offset);
  const MemoryRows given(values, type, offset);
  at::Tensor factors = at::linspace(0.5, 2, values.size(0), at::kDouble);
  const SoftmaxResults expected = softmax_formula(given.rows, columns, rule, factors);
  bool equal = true, intact = true;
  const std::vector<at::Tensor> results = in_any_order(
      [&] {
        const MemoryRows own(values, type, offset);
        const at::Tensor sums = cuda_softmax_sums(own.rows, columns, rule);
        intact = intact && same_bits(own.memory, given.memory);
        cuda_softmax_gradient(own.rows, columns, rule, factors);
        intact = intact && own.intact();
        return std::vector<at::Tensor>{sums, own.rows};
      },
      equal);
  CHECK(equal);
  CHECK(intact);
  CHECK(relative_off(results[0], expected.sums) < (type == at::kDouble ? 1e-12 : 3e-5));
  CHECK(relative_off(results[1], expected.gradient) < rounding_of(type));
}

double scale_of(at::ScalarType type) {  // float16 has no number for e^64
  return type == at::kHalf ? 8 : 64;
}

at::Tensor draw_cosines(at::IntArrayRef sizes) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(4);
  return at::rand(sizes, generator, at::kDouble) * 2.1 - 1.05;  // some beyond the bound
}

at::Tensor columns_of(const std::vector<std::int64_t>& columns) {
  return at::tensor(columns, at::TensorOptions().dtype(at::kLong));
}

}  // namespace

TEST_CASE("sums and gradients are the formula's, wherever rows begin and end, whatever the label") {
  for (const std::int64_t classes : {0, 1, 7, 33, 256, 257, 1000, 12501})
    for (const at::ScalarType type : kTypes)
      for (const std::int64_t offset : {0, 1, 3, 7}) {
        if (classes > 1000 && offset > 1) continue;
        // On another rank, the first, the last, one in the middle, and one that no rank has.
        const at::Tensor columns = columns_of({-1, 0, classes - 1, classes / 2, classes + 5});
        check_both(draw_cosines({5, classes}), columns, {scale_of(type), 1 - 1e-7, 3}, type, offset);
      }
}

TEST_CASE("the lowest logits and the largest keep their exponentials finite") {
  const at::Tensor values = at::linspace(-1, 1, 300, at::kDouble).repeat({2, 1});
  const at::Tensor columns = columns_of({-1, 17});
  for (const at::ScalarType type : {at::kBFloat16, at::kFloat})
    check_both(values, columns, {100, 1, 20}, type, 1);  // to e^-120, were it not held at e^-87
  check_both(values, columns, {700, 1, 150}, at::kDouble, 1);
}

TEST_CASE("cosines beyond the bound count as the bound, and have no gradient") {
  for (const double sign : {-1.0, 1.0})
    for (const at::ScalarType type : kTypes)
      check_both(sign * at::linspace(1.5, 0.9, 300, at::kDouble).repeat({2, 1}), columns_of({-1, 299}),
                 {8, 1, 0}, type, 0);
}

TEST_CASE("NaN and infinity show in sum and gradient, in their row alone") {
  for (const at::ScalarType type : kTypes)
    for (const std::int64_t at : {0, 1, 20, 255, 298}) {
      CAPTURE(at);
      at::Tensor values = draw_cosines({3, 299});
      const at::Tensor columns = columns_of({-1, 3, 5});
      values[1][at].fill_(kNan);
      check_both(values, columns, {scale_of(type), 1, 0}, type, 1);
      const at::Tensor sums = cuda_softmax_sums(values.to(type), columns, {scale_of(type), 1, 0});
      CHECK(sums.isnan().to(at::kLong).equal(columns_of({0, 1, 0})));
      for (const double large :
           {kInfinity, -kInfinity}) {  // with a bound they are beyond it, without they show
        values[1][at].fill_(large);
        check_both(values, columns, {scale_of(type), 1, 0}, type, 1);
      }
      values[1][at].fill_(kInfinity);
      const at::Tensor unbounded = cuda_softmax_sums(values.to(type), columns, {});
      CHECK(unbounded.isinf().to(at::kLong).equal(columns_of({0, 1, 0})));
    }
}

TEST_CASE("a sum of many classes keeps its digits") {
  const at::Tensor values = at::full({1, 50000}, 0.1, at::kFloat), columns = columns_of({-1});
  const double one = std::exp(static_cast<double>(0.1f));
  CHECK(cuda_softmax_sums(values, columns, {}).item<double>() == doctest::Approx(50000 * one).epsilon(3e-6));
}

TEST_CASE("no rows, and a type without a kernel") {
  CHECK(cuda_softmax_sums(at::zeros({0, 5}), columns_of({}), {}).numel() == 0);
  cuda_softmax_gradient(at::zeros({0, 5}), columns_of({}), {}, at::zeros({0}, at::kDouble));
  const at::Tensor integers = at::zeros({1, 5}, at::kLong);
  CHECK_THROWS_AS(cuda_softmax_sums(integers, columns_of({-1}), {}), Error);
  CHECK_THROWS_AS(cuda_softmax_gradient(integers, columns_of({-1}), {}, at::ones({1}, at::kDouble)), Error);
}
