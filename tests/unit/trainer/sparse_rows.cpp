// SparseRows against the dense rule written out: v = m v + g + d p, p = p - lr v for every row, g zero where
// a row is not trained.
#include "trainer/optim/sparse_rows.hpp"
#include "tests/tensor_difference.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <optional>

#include "common/error.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

constexpr std::int64_t kRows = 30, kSize = 4;

struct Setting {
  std::int64_t steps = 50;
  std::int64_t history = 1024;
  double momentum = 0.9;
  double weight_decay = 0.05;
  bool new_rate_each_step = false;
  std::int64_t overflow_at = -1;
  at::ScalarType type = at::kDouble;
};

double learning_rate_at(const Setting& setting, std::int64_t step) {
  if (setting.new_rate_each_step) return 0.2 / static_cast<double>(1 + step);
  return step < 20 ? 0.1 : 0.01;
}

struct RowsAfter {
  double rows, velocities;  // largest difference, relative to the largest value
};

RowsAfter compare(const Setting& setting) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
  at::Tensor p = at::randn({kRows, kSize}, generator, at::kDouble).to(setting.type).to(at::kDouble);
  at::Tensor v = at::zeros_like(p);
  at::Tensor rows = p.to(setting.type).clone();
  SparseRows sparse(rows, setting.history);
  for (std::int64_t step = 0; step < setting.steps; ++step) {
    const double lr = learning_rate_at(setting, step);
    // Rows 25 to 29 are never trained; in step 11 no row is.
    const std::int64_t count = step == 11 ? 0 : 3 + step % 4;
    const at::Tensor indices = std::get<0>(at::randperm(25, generator, at::kLong).narrow(0, 0, count).sort());
    const at::Tensor gradient =
        at::randn({count, kSize}, generator, at::kDouble).to(setting.type).to(at::kDouble);
    at::Tensor leaf = sparse.take(indices);
    CHECK((leaf.requires_grad() && leaf.is_leaf() && leaf.scalar_type() == setting.type));
    const double tolerance = setting.type == at::kDouble ? 1e-12 : 1e-5;
    CHECK(leaf.detach().to(at::kDouble).allclose(p.index_select(0, indices), tolerance, tolerance));
    leaf.mutable_grad() = gradient.to(setting.type);
    const bool overflow = step == setting.overflow_at;
    sparse.step(lr, setting.momentum, setting.weight_decay,
                setting.overflow_at >= 0 ? at::full({1}, overflow ? 1.0 : 0.0, at::kFloat) : at::Tensor());
    if (overflow) continue;
    const at::Tensor g = at::zeros_like(p).index_copy_(0, indices, gradient) + p * setting.weight_decay;
    v = v * setting.momentum + g;
    p = p - v * lr;
  }
  sparse.catch_up();
  const RowsAfter result{test::relative_difference(rows, p), test::relative_difference(sparse.velocity(), v)};
  const at::Tensor once = rows.clone();
  sparse.catch_up();
  CHECK(rows.equal(once));
  return result;
}

}  // namespace

TEST_CASE("fifty steps in float64 are the dense rule's, with decay and a falling learning rate") {
  const RowsAfter result = compare({});
  MESSAGE("largest relative difference: ", result.rows, ", velocity ", result.velocities);
  CHECK(result.rows < 1e-10);
  CHECK(result.velocities < 1e-10);
}

TEST_CASE("a learning rate of its own for every step, and products dropped as the table fills") {
  for (const std::int64_t history : {2, 3, 7, 1024}) {
    CAPTURE(history);
    const RowsAfter result = compare({.steps = 60, .history = history, .new_rate_each_step = true});
    CHECK(result.rows < 1e-10);
    CHECK(result.velocities < 1e-10);
  }
}

TEST_CASE("a step that overflows counts for no row") {
  const RowsAfter result = compare({.overflow_at = 13});
  CHECK(result.rows < 1e-10);
  CHECK(result.velocities < 1e-10);
}

TEST_CASE("no momentum, no decay, neither") {
  CHECK(compare({.momentum = 0}).rows < 1e-10);
  CHECK(compare({.weight_decay = 0}).rows < 1e-10);
  CHECK(compare({.momentum = 0, .weight_decay = 0}).rows < 1e-10);
}

TEST_CASE("float32 stays at its rounding") {
  for (const std::int64_t history : {5, 1024}) {
    const RowsAfter result = compare({.steps = 200, .history = history, .type = at::kFloat});
    MESSAGE("largest relative difference: ", result.rows, ", velocity ", result.velocities);
    CHECK(result.rows < 2e-6);
    CHECK(result.velocities < 2e-6);
  }
}

TEST_CASE("only the taken rows are touched by a step") {
  at::Tensor rows = at::ones({kRows, kSize}, at::kDouble);
  SparseRows sparse(rows);
  const at::Tensor indices = at::tensor({3, 17}, at::TensorOptions().dtype(at::kLong));
  sparse.take(indices).mutable_grad() = at::ones({2, kSize}, at::kDouble);
  sparse.step(0.1, 0.9, 0.5);
  CHECK(rows.index_select(0, indices).equal(at::full({2, kSize}, 1 - 0.1 * 1.5, at::kDouble)));
  CHECK(rows.eq(1.0).sum().item<std::int64_t>() == (kRows - 2) * kSize);
  sparse.catch_up();
  CHECK(rows[0].allclose(at::full({kSize}, 1 - 0.1 * 0.5, at::kDouble), 1e-15, 0));
}

TEST_CASE("a step without taken rows or without their gradient is an error") {
  at::Tensor rows = at::ones({kRows, kSize});
  SparseRows sparse(rows);
  CHECK_THROWS_AS(sparse.step(0.1, 0.9, 0.5), Error);
  sparse.take(at::zeros({1}, at::kLong));
  CHECK_THROWS_AS(sparse.step(0.1, 0.9, 0.5), Error);
}
