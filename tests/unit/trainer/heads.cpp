// What every head of heads.def keeps to: its name is a configuration value, a wrong number of margins is
// refused by name, gradients stay finite at cosine +-1, and a rank without classes, or without a row of its
// classes, goes on.
#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "common/config/consistency.hpp"
#include "tests/unit/trainer/head_logits.hpp"
#include "tests/unit/trainer/head_refusal.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/head/head.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using test::head_refusal;

namespace {

struct HeadMargins {
  std::string name;
  std::size_t margins;
};

const std::vector<HeadMargins> kHeads = {
#define HEAD(name, margin_count) {#name, margin_count},
#include "trainer/head/heads.def"
#undef HEAD
};

// Margins that a configuration of the reference's parent would give.
std::vector<double> margins_of(const HeadMargins& head) {
  if (head.name == "combined") return {1, 0.2, 0.1};
  if (head.name == "magface") return {10, 110, 0.45, 0.8};
  if (head.name == "uniface") return {0.4, 15};
  return std::vector<double>(head.margins, 0.4);
}

Config config_of(const HeadMargins& head, std::vector<double> margins, bool compat = false) {
  Config config;
  config.head.head = head.name;
  config.head.margin = std::move(margins);
  config.compat = {compat, compat, compat, compat, compat, compat};
  return config;
}

struct Result {
  at::Tensor value, cosine_gradient, norm_gradient;
};

// One training step's forward and backward on given cosines (4, C).
Result run(const Config& config, const at::Tensor& cosines, const std::vector<std::int64_t>& columns) {
  SelfCommunicator alone;
  const auto head = make_head(config);
  head->to(at::kCPU, at::kDouble);
  const at::Tensor leaf = cosines.clone().set_requires_grad(true);
  const at::Tensor norms =
      at::tensor({5.0, 20.0, 120.0, 60.0}, at::kDouble).view({4, 1}).set_requires_grad(true);
  const at::Tensor labels = at::tensor(columns, at::TensorOptions().dtype(at::kLong));
  const at::Tensor value = test::head_value(*head, leaf, labels, norms, at::eye(4, at::kDouble), alone);
  value.backward();
  for (const at::Tensor& statistic : head->statistics()) CHECK(statistic.isfinite().all().item<bool>());
  return {value, leaf.grad(), norms.grad()};
}

bool finite(const at::Tensor& tensor) {
  return !tensor.defined() || tensor.isfinite().all().item<bool>();
}

}  // namespace

TEST_CASE("every head can be configured, and tells how many margins it takes") {
  CHECK(kHeads.size() == 9);
  for (const HeadMargins& head : kHeads) {
    CAPTURE(head.name);
    const std::vector<double> margins = margins_of(head);
    REQUIRE(margins.size() == head.margins);
    CHECK(head_refusal(config_of(head, margins)).empty());
    CHECK(inconsistencies(config_of(head, margins)).empty());
    for (const std::size_t wrong : {head.margins - 1, head.margins + 1}) {
      const std::string text = head_refusal(config_of(head, std::vector<double>(wrong, 0.4)));
      CHECK(text.find("head.margin: " + head.name + " takes " + std::to_string(head.margins)) !=
            std::string::npos);
    }
  }
}

TEST_CASE("MagFace refuses norms that are none") {
  const HeadMargins magface{"magface", 4};
  CHECK(head_refusal(config_of(magface, {110, 10, 0.45, 0.8})).find("l_a") != std::string::npos);
  CHECK(head_refusal(config_of(magface, {0, 10, 0.45, 0.8})).find("l_a") != std::string::npos);
}

TEST_CASE("gradients are finite at cosine +-1, without classes and without a row of them") {
  const at::Tensor cosines =
      at::tensor({1.0, 0.2, -0.1, 0.4, -1.0, 0.3, 0.5, 1.0, -0.2, 0.6, 0.9, -1.0}, at::kDouble).view({4, 3});
  for (const HeadMargins& head : kHeads)
    for (const bool compat : {false, true}) {
      CAPTURE(head.name);
      CAPTURE(compat);
      const Config config = config_of(head, margins_of(head), compat);
      for (const Result& result : {run(config, cosines, {0, 1, 1, 2}), run(config, cosines, {-1, -1, -1, -1}),
                                   run(config, at::zeros({4, 0}, at::kDouble), {-1, -1, -1, -1})}) {
        CHECK(finite(result.value));
        CHECK(finite(result.cosine_gradient));
        CHECK(finite(result.norm_gradient));
      }
    }
}

TEST_CASE("a batch without a pair of one person has circle loss 0") {
  CHECK(run(config_of({"circleloss", 1}, {0.25}), at::zeros({4, 4}, at::kDouble), {0, 1, 2, 3})
            .value.item<double>() == 0);
}
