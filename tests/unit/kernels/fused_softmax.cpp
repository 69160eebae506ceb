// The softmax's kernels (trainer/cuda/fused_softmax.cu), run on the CPU thread by thread, against the formula
// in float64: every type, rows that begin and end anywhere in 16 bytes, labels here and elsewhere, numbers
// beyond all bounds.
#include "trainer/cuda/fused_softmax.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "common/error.hpp"
#include "tests/kernels/in_any_order.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::in_any_order;

namespace {

constexpr std::array kTypes{at::kHalf, at::kBFloat16, at::kFloat, at::kDouble};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The numbers of `values` in `type`, as rows inside of other memory: `offset` numbers of 99 before, 20 after.
struct Rows {
  Rows(const at::Tensor& values, at::ScalarType type, std::int64_t offset)
      : memory(at::full({offset + values.numel() + 20}, 99, type)),
        rows(memory.narrow(0, offset, values.numel()).view(values.sizes())) {
    rows.copy_(values);
  }
  bool intact() const {  // what lies around the rows
    const at::Tensor expected = at::full_like(memory, 99);
    expected.narrow(0, rows.storage_offset(), rows.numel()).copy_(rows.reshape({-1}));
    return test::same_bits(memory, expected);
  }
  at::Tensor memory, rows;
};

struct Expected {
  at::Tensor sums, gradient;
};
Expected formula(const at::Tensor& rows, const at::Tensor& columns, const LogitRule& rule,
                 const at::Tensor& factors) {
  const bool wide = rows.scalar_type() == at::kDouble;
  const double bound = wide ? rule.bound : static_cast<float>(rule.bound), lowest = wide ? -700 : -87;
  const at::Tensor exact = rows.to(at::kDouble);
  Expected expected{at::zeros({rows.size(0)}, at::kDouble), at::zeros_like(exact)};
  for (std::int64_t r = 0; r < rows.size(0); ++r)
    for (std::int64_t c = 0; c < rows.size(1); ++c) {
      const double x = exact.const_data_ptr<double>()[r * rows.size(1) + c];
      const double held = x < -bound ? -bound : (x > bound ? bound : x),
                   logit = held * rule.scale - rule.shift;
      if (c == columns.const_data_ptr<std::int64_t>()[r]) continue;
      const double e = std::exp(logit < lowest ? lowest : logit);
      expected.sums.mutable_data_ptr<double>()[r] += e;
      if (std::abs(x) > bound) continue;
      expected.gradient.mutable_data_ptr<double>()[r * rows.size(1) + c] =
          e * factors.const_data_ptr<double>()[r];
    }
  return expected;
}

// The largest difference relative to each number. Below float16's normal numbers its rounding is as coarse as
// at the least of them. NaN and infinity differ from all but themselves.
double relative_off(const at::Tensor& ours, const at::Tensor& expected) {
  if (ours.numel() == 0) return 0;
  const at::Tensor exact = ours.to(at::kDouble);
  const double normal = ours.scalar_type() == at::kHalf ? 6.1e-5 : 1e-300;
  const at::Tensor same = exact.isnan().logical_and(expected.isnan()).logical_or(exact.eq(expected));
  const at::Tensor off = (exact - expected).abs() / expected.abs().clamp_min(normal);
  return off.masked_fill(same, 0).nan_to_num(1e9, 1e9).max().item<double>();
}

double rounding_of(
    at::ScalarType type) {  // of a result; the arithmetic's, of an exponential, is at most 3e-5
  return type == at::kHalf ? 6e-4 : type == at::kBFloat16 ? 5e-3 : type == at::kFloat ? 3e-5 : 1e-12;
}

// Both kernels against the formula, in any order of threads.
void check_both(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                at::ScalarType type, std::int64_t offset) {
  CAPTURE(type);
  CAPTURE(values.size(1));
  CAPTURE(offset);
  const Rows given(values, type, offset);
  at::Tensor factors = at::linspace(0.5, 2, values.size(0), at::kDouble);
  const Expected expected = formula(given.rows, columns, rule, factors);
  bool equal = true, intact = true;
  const std::vector<at::Tensor> results = in_any_order(
      [&] {
        const Rows own(values, type, offset);
        const at::Tensor sums = cuda_softmax_sums(own.rows, columns, rule);
        intact = intact && test::same_bits(own.memory, given.memory);
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
