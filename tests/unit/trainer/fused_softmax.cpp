// The class-sharded softmax in one process: its passes against LibTorch's operators in float64, and what it
// promises: no maximum, one collective, the gradient in the logits' memory, finite losses at the bounds.
#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <vector>

#include "common/error.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/head/distributed_softmax.hpp"
#include "trainer/head/libtorch_softmax.hpp"
#include "trainer/head/softmax_passes.hpp"
#include "trainer/head/unit_rows.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

at::Tensor draw_cosines(at::IntArrayRef sizes, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::rand(sizes, generator, at::kDouble) * 2.2 - 1.1;  // some beyond the bound
}

at::Tensor some_columns(std::int64_t rows, std::int64_t classes) {
  return at::arange(rows).remainder(classes + 1) - 1;  // -1 to classes - 1
}

double relative(const at::Tensor& ours, const at::Tensor& expected) {
  if (ours.numel() == 0) return 0;
  return ((ours.to(at::kDouble) - expected).abs() / expected.abs().clamp_min(1e-30)).max().item<double>();
}

// Counts what it is asked.
class CountingCommunicator : public SelfCommunicator {
 public:
  Work all_reduce_async(at::Tensor, ReduceOp) override {
    ++reductions;
    return {};
  }
  int reductions = 0;
};

double cross_entropy(const std::vector<float>& logits, std::int64_t column, double bound,
                     at::Tensor* gradient) {
  SelfCommunicator alone;
  const at::Tensor leaf =
      at::tensor(logits).view({1, static_cast<std::int64_t>(logits.size())}).requires_grad_(true);
  const at::Tensor loss = distributed_cross_entropy(
      leaf * 1, at::tensor({column}, at::TensorOptions().dtype(at::kLong)), bound, alone);
  loss.backward();
  *gradient = leaf.grad();
  return loss.item<double>();
}

}  // namespace

TEST_CASE("both passes are LibTorch's operators in float64, for any number of classes") {
  const LogitRule rule{64, 1 - 1e-7, 3};
  for (const std::int64_t classes : {0, 1, 7, 31, 33, 100, 2600}) {
    CAPTURE(classes);
    const at::Tensor columns = some_columns(9, classes), factors = draw_cosines({9}, 5).abs();
    for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
      const at::Tensor values = draw_cosines({9, classes}, 4).to(type), exact = values.to(at::kDouble);
      const double tolerance = type == at::kFloat ? 3e-5 : 1e-13;  // a logit's last digit is e-5 of its exp
      CHECK(relative(softmax_sums(values, columns, rule), libtorch_softmax_sums(exact, columns, rule)) <
            tolerance);
      const at::Tensor expected = exact.clone(), ours = values.clone();
      libtorch_softmax_gradient(expected, columns, rule, factors);
      softmax_gradient(ours, columns, rule, factors);
      CHECK(relative(ours, expected) < tolerance);
      if (classes > 30) REQUIRE(expected.eq(0).sum().item<std::int64_t>() > 30);  // some are beyond the bound
    }
  }
}

TEST_CASE("a NaN among the cosines is one in sum and gradient, in its row alone") {
  at::Tensor values = draw_cosines({2, 40}, 6).to(at::kFloat);
  values[1][17].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor columns = at::full({2}, -1, at::kLong);
  const at::Tensor sums = softmax_sums(values, columns, {64, 1, 0});
  CHECK(std::isfinite(sums[0].item<double>()));
  CHECK(std::isnan(sums[1].item<double>()));
  softmax_gradient(values, columns, {64, 1, 0}, at::ones({2}, at::kDouble));
  CHECK(std::isnan(values[1][17].item<float>()));
}

TEST_CASE("one collective, and the gradient lies in the logits' memory") {
  CountingCommunicator trainers;
  const at::Tensor leaf = draw_cosines({5, 12}, 7).requires_grad_(true);
  const at::Tensor values = leaf * 1, columns = some_columns(5, 4) + 1;
  const SplitValues split = split_true_class(values, columns, at::kDouble);
  const at::Tensor loss =
      distributed_cross_entropy(split.all, split.target - 0.2, columns, {8, 1e30, 0}, trainers);
  CHECK(trainers.reductions == 1);
  loss.backward({}, /*retain_graph=*/true);
  CHECK(trainers.reductions == 1);

  const at::Tensor same = leaf.detach().clone().requires_grad_(true);
  const at::Tensor change = at::zeros_like(same).scatter(1, columns.unsqueeze(1), -0.2);
  const at::Tensor expected = at::cross_entropy_loss((same + change) * 8, columns);
  expected.backward();
  CHECK(loss.item<double>() == doctest::Approx(expected.item<double>()).epsilon(1e-13));
  CHECK((leaf.grad() - same.grad()).abs().max().item<double>() < 1e-14);
  CHECK(values.equal(leaf.grad()));  // written over
  CHECK_THROWS_AS(loss.backward(), Error);
}

TEST_CASE(
    "losses stay finite without a maximum: at 69.0776, with logits of 128, with all of them at the bottom") {
  at::Tensor gradient;
  CHECK(cross_entropy({64, -64}, 1, 64, &gradient) == doctest::Approx(69.07755278982137).epsilon(1e-6));
  CHECK(gradient.equal(at::tensor({1.0f, -1.0f}).view({1, 2})));
  CHECK(cross_entropy({128, 120, 127}, 0, 128, &gradient) ==
        doctest::Approx(std::log1p(std::exp(-1.0) + std::exp(-8.0))).epsilon(1e-5));
  CHECK(cross_entropy({-64, -64}, 0, 64, &gradient) == doctest::Approx(std::log(2.0)).epsilon(1e-5));
  const double loss = cross_entropy({-64, -64, -20}, 0, 128, &gradient);
  CHECK(std::isfinite(loss));
  CHECK(gradient.isfinite().all().item<bool>());
}

TEST_CASE("unit rows and their gradient are the operators'") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    at::Tensor values = draw_cosines({70, 37}, 8).to(type);
    values[3].fill_(0);
    values[4].mul_(1e-14);
    const at::Tensor ours = values.clone().requires_grad_(true);
    const at::Tensor exact = values.to(at::kDouble).requires_grad_(true);
    const at::Tensor by = draw_cosines({70, 37}, 9);
    (unit_rows(ours, type) * by.to(type)).sum().backward();
    const at::Tensor expected = exact / exact.norm(2, {1}, true).clamp_min(1e-12);
    (expected * by).sum().backward();
    const double tolerance = type == at::kFloat ? 2e-6 : 1e-14;
    CHECK((unit_rows(ours, type).to(at::kDouble) - expected).abs().max().item<double>() < tolerance);
    const at::Tensor scale = exact.grad().abs().amax({1}, true).clamp_min(1e-30);
    CHECK(((ours.grad().to(at::kDouble) - exact.grad()).abs() / scale).max().item<double>() < tolerance);
  }
}

TEST_CASE(
    "unit rows in a narrower type are the same rounded once, and so is what their gradient is made of") {
  const at::Tensor values = draw_cosines({33, 64}, 8), by = draw_cosines({33, 64}, 9).to(at::kBFloat16);
  const at::Tensor narrow = values.to(at::kFloat).requires_grad_(true);
  const at::Tensor wide = values.to(at::kFloat).requires_grad_(true);
  const at::Tensor units = unit_rows(narrow, at::kBFloat16);
  CHECK(units.equal(unit_rows(wide, at::kFloat).to(at::kBFloat16)));
  units.backward(by);
  unit_rows(wide, at::kFloat).backward(by.to(at::kFloat));
  CHECK(narrow.grad().equal(wide.grad()));
}
