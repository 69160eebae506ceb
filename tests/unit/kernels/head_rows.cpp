// The kernels of a head's rows (trainer/cuda/head_rows.cu), run on the CPU thread by thread, against the
// formulas in float64: any number of rows, classes that other ranks own, the largest loss, NaN.
#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "tests/kernels/in_any_order.hpp"
#include "trainer/cuda/head_rows.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

namespace {

constexpr LogitRule kRowRule{64, 1, 10};
constexpr double kMostLoss = 69;
const std::pair<at::ScalarType, at::ScalarType> kRowTypes[] = {{at::kHalf, at::kFloat},
                                                               {at::kBFloat16, at::kFloat},
                                                               {at::kFloat, at::kFloat},
                                                               {at::kDouble, at::kDouble}};

at::Tensor draw_numbers(at::IntArrayRef sizes, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::rand(sizes, generator, at::kDouble) * 2 - 1;
}

// Every third class is another rank's.
at::Tensor columns_of(std::int64_t rows, std::int64_t classes) {
  const at::Tensor all = at::arange(rows);
  return all.remainder(classes).masked_fill_(all.remainder(3).eq(1), -1);
}

template <typename Work>
std::vector<at::Tensor> run_rows(const Work& work) {
  bool equal = true;
  std::vector<at::Tensor> results = in_any_order(work, equal);
  CHECK(equal);
  return results;
}

double number_difference(const at::Tensor& ours, const at::Tensor& expected) {
  const at::Tensor exact = expected.to(at::kDouble);
  const at::Tensor off = (ours.to(at::kDouble) - exact).abs().nan_to_num(1e9, 1e9);
  return (off / exact.abs().clamp_min(1e-3)).max().item<double>();
}

}  // namespace

TEST_CASE("labels become columns of this rank, or none") {
  for (const std::int64_t rows : {1, 128, 129, 300}) {
    const at::Tensor labels = at::arange(rows).mul(7).remainder(100);
    const at::Tensor columns = run_rows([&] { return std::vector{cuda_local_columns(labels, 30, 40)}; })[0];
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t label = labels[i].item<std::int64_t>();
      CHECK(columns[i].item<std::int64_t>() == (label >= 30 && label < 70 ? label - 30 : -1));
    }
  }
}

TEST_CASE("the true class's values are taken and added to, no others") {
  for (const auto& [type, wide] : kRowTypes)
    for (const std::int64_t rows : {1, 128, 200}) {
      CAPTURE(type);
      const at::Tensor values = draw_numbers({rows, 11}, 1).to(type),
                       numbers = draw_numbers({rows, 1}, 2).to(wide);
      const at::Tensor columns = columns_of(rows, 11);
      const at::Tensor taken = run_rows(
          [&, wide = wide] { return std::vector{cuda_true_class_values(values, columns, wide)}; })[0];
      const at::Tensor added = run_rows([&] {
        const at::Tensor copy = values.clone();
        cuda_add_to_true_class(copy, columns, numbers);
        return std::vector{copy};
      })[0];
      CHECK((taken.scalar_type() == wide));
      at::Tensor expected = values.clone();
      for (std::int64_t i = 0; i < rows; ++i) {
        const std::int64_t column = columns[i].item<std::int64_t>();
        CHECK(taken[i].item<double>() == (column < 0 ? 0 : values[i][column].item<double>()));
        if (column >= 0) expected[i][column].add_(numbers[i][0].to(type));
      }
      CHECK(added.equal(expected));
    }
}

TEST_CASE("row sums, the mean loss and its gradients are the formulas'") {
  for (const auto& [unused, type] : {kRowTypes[2], kRowTypes[3]})
    for (const std::int64_t rows : {1, 128, 300}) {
      CAPTURE(type);
      CAPTURE(rows);
      const at::Tensor others = draw_numbers({rows}, 1).abs() * 1e4 + 1, columns = columns_of(rows, 5);
      const at::Tensor target = draw_numbers({rows, 1}, 2).to(type), gradient = at::full({}, 3.0, type);
      const std::vector<at::Tensor> results = run_rows([&, type = type] {
        const RowSums of = cuda_row_sums(others, target, columns, kRowRule);
        const RowGradients gradients = cuda_row_gradients(gradient, of, columns, kRowRule.scale, type);
        return std::vector{of.sums, of.exponential, cuda_mean_loss(of.sums, kRowRule.shift, kMostLoss, type),
                           gradients.factors, gradients.target};
      });
      const at::Tensor own = columns.ge(0).to(at::kDouble),
                       logit = target.squeeze(1).to(at::kDouble) * kRowRule.scale;
      const at::Tensor exponential = (logit - kRowRule.shift).exp(), sums = others + own * exponential;
      const double tolerance = type == at::kFloat ? 1e-6 : 1e-12;
      CHECK(number_difference(results[0], at::stack({sums, own * logit})) < 1e-12);
      CHECK(number_difference(results[1], exponential) < 1e-12);
      const at::Tensor losses = (sums.log() + kRowRule.shift - own * logit).clamp_max(kMostLoss);
      if (rows > 1) REQUIRE(losses.eq(kMostLoss).any().item<bool>());
      CHECK(number_difference(results[2], losses.mean()) < tolerance);
      const double factor = 3.0 * kRowRule.scale / static_cast<double>(rows);
      CHECK(number_difference(results[3], factor / sums) < 1e-12);
      CHECK(number_difference(results[4], (own * (exponential / sums - 1) * factor).unsqueeze(1)) <
            tolerance);
      CHECK((results[4].scalar_type() == type));
    }
}

TEST_CASE("NaN shows in the loss and in its row's gradients alone") {
  at::Tensor target = at::full({9, 1}, 0.5f);
  target[4].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor columns = at::zeros({9}, at::kLong), others = at::ones({9}, at::kDouble);
  const RowSums of = cuda_row_sums(others, target, columns, kRowRule);
  CHECK(std::isnan(cuda_mean_loss(of.sums, kRowRule.shift, kMostLoss, at::kFloat).item<float>()));
  const RowGradients gradients = cuda_row_gradients(at::ones({}), of, columns, kRowRule.scale, at::kFloat);
  CHECK(gradients.factors.isnan().to(at::kLong).equal((at::arange(9) == 4).to(at::kLong)));
  CHECK(gradients.target.squeeze(1).isnan().to(at::kLong).equal((at::arange(9) == 4).to(at::kLong)));
}

TEST_CASE("no classes, and types without a kernel") {
  const at::Tensor none = at::zeros({3, 0}, at::kHalf), columns = at::full({3}, -1, at::kLong);
  CHECK(cuda_true_class_values(none, columns, at::kFloat).equal(at::zeros({3, 1})));
  CHECK_NOTHROW(cuda_add_to_true_class(none, columns, at::zeros({3, 1})));
  CHECK_THROWS_AS(cuda_true_class_values(at::zeros({3, 2}, at::kHalf), columns, at::kDouble), Error);
  CHECK_THROWS_AS(cuda_mean_loss(at::zeros({2, 3}, at::kDouble), 0, 1, at::kHalf), Error);
}
