// ArcFace's values and its straight-through gradient, and make_head's errors.
#include <ATen/ATen.h>

#include <cmath>
#include <numbers>
#include <string>

#include "tests/unit/trainer/head_logits.hpp"
#include "tests/unit/trainer/head_refusal.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/head/head.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using test::head_refusal;

namespace {

Config with_margins(const std::string& head, std::vector<double> margins) {
  Config config;
  config.head.head = head;
  config.head.margin = std::move(margins);
  return config;
}

at::Tensor arcface(const at::Tensor& cosines, std::vector<std::int64_t> labels) {
  SelfCommunicator alone;
  const at::Tensor columns = at::tensor(labels, at::TensorOptions().dtype(at::kLong));
  const at::Tensor norms = at::ones({cosines.size(0), 1}, cosines.options());
  return test::head_logits(*make_head(with_margins("arcface", {0.5})), cosines, columns, norms, norms, alone);
}

}  // namespace

TEST_CASE("the margin is added to the angle of the true class only, beyond pi too") {
  const at::Tensor cosines = at::tensor({0.3, -0.2, 0.9, -0.97, 0.1, 0.5}, at::kDouble).view({3, 2});
  const at::Tensor logits = arcface(cosines, {0, 1, -1});
  CHECK(logits[0][0].item<double>() == doctest::Approx(64 * std::cos(std::acos(0.3) + 0.5)).epsilon(1e-14));
  CHECK(logits[0][1].item<double>() == doctest::Approx(64 * -0.2).epsilon(1e-14));
  const double beyond = std::acos(-0.97) + 0.5;
  REQUIRE(beyond > std::numbers::pi);
  CHECK(logits[1][1].item<double>() == doctest::Approx(64 * std::cos(beyond)).epsilon(1e-14));
  CHECK(logits[2][0].item<double>() == doctest::Approx(64 * 0.1).epsilon(1e-14));  // class on another rank
  CHECK(logits[2][1].item<double>() == doctest::Approx(64 * 0.5).epsilon(1e-14));
}

TEST_CASE("the gradient passes the margin straight through and stops at the clamp") {
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const at::Tensor cosines =
        at::tensor({0.3, 1.0, -1.0, 0.2}, at::kDouble).view({2, 2}).to(type).set_requires_grad(true);
    arcface(cosines, {0, 0}).sum().backward();
    const at::Tensor expected = at::tensor({64.0, 0.0, 0.0, 64.0}, at::kDouble).view({2, 2}).to(type);
    CHECK(cosines.grad().equal(expected));
  }
}

TEST_CASE("a rank without classes has logits of no columns") {
  CHECK(arcface(at::zeros({3, 0}), {-1, -1, -1}).sizes() == at::IntArrayRef({3, 0}));
}

TEST_CASE("an unknown head and a wrong number of margins are refused by name") {
  CHECK(head_refusal(with_margins("arcfase", {0.5})).find("arcfase") != std::string::npos);
  CHECK(head_refusal(with_margins("arcface", {0.5, 0.1})).find("head.margin") != std::string::npos);
  CHECK(head_refusal(with_margins("arcface", {})).find("head.margin") != std::string::npos);
  CHECK(head_refusal(with_margins("arcface", {0.5})).empty());
}
