// Compares one of our networks with what record_backbones.py recorded from the original class: embeddings in
// evaluation and training, every gradient and every BatchNorm statistic.
#pragma once

#include <ATen/ops/mul.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/golden/golden_formula.hpp"
#include "tests/golden/golden_numbers.hpp"
#include "tests/larger.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/backbones/registry.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain::test {

constexpr std::int64_t kEmbedding = 512;

// Statistics and biases as the recorders fill them; the other tensors by weight(name, values, fan_in), which
// changes the formula's values in place.
template <class Weight>
void fill_state(const Backbone& net, const Weight& weight) {
  const c10::AutoGradMode no_gradient(false);
  for (std::size_t i = 0; i < net.state().size(); ++i) {
    const std::string& name = net.state()[i].name;
    at::Tensor t = net.state()[i].tensor, u = formula(static_cast<std::uint32_t>(i), t.sizes());
    if (name.ends_with("num_batches_tracked")) {
      u.fill_(3);
    } else if (name.ends_with("running_var")) {
      u.mul_(0.5).add_(1);
    } else if (name.ends_with("running_mean") || name.ends_with(".bias")) {
      u.mul_(0.2);
    } else {
      weight(name, u, static_cast<double>(u.dim() > 0 ? u.numel() / u.size(0) : 1));
    }
    t.copy_(u);
  }
}

// record_backbones.py's fill.
inline void fill_by_formula(const Backbone& net, bool iresnet) {
  fill_state(net, [&](const std::string& name, at::Tensor& u, double fan_in) {
    if (u.dim() > 1) {
      u.mul_(std::sqrt(3.0 / fan_in));
    } else if (find_tensor(net.state(), name.substr(0, name.size() - 6) + "running_mean") == nullptr) {
      u.mul_(0.2).add_(0.25);  // PReLU
    } else if (iresnet && name == "features.weight") {
      u.fill_(1);
    } else {
      u.mul_(0.3).add_(1);
    }
  });
}

inline std::vector<double> to_vector(const at::Tensor& t) {
  const at::Tensor flat = t.detach().to(at::kDouble).contiguous().view(-1);
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

// Sum, sum of magnitudes, two entries.
inline std::vector<double> digest(const at::Tensor& t) {
  const std::vector<double> v = to_vector(t);
  double sum = 0, magnitude = 0;
  for (const double x : v) sum += x, magnitude += std::abs(x);
  return {sum, magnitude, v[v.size() / 3], v[v.size() * 9 / 10]};
}

struct Tolerance {
  double relative;  // of embeddings in eval mode (to the largest) and statistics (to the tensor's mean
                    // magnitude)
  double train;     // of embeddings in train mode. In float32 the reference's own move by 1.2e-4 between
                 // layouts on a CPU with AVX-512 (2.4e-5 of its float64 ones else): BatchNorm over few rows
  double gradient;  // of gradients, to the tensor's mean magnitude; BatchNorm over so few rows amplifies
                    // float32's rounding
  double floor;     // mean magnitude below which a tensor counts as zero (a bias before a BatchNorm has no
                    // gradient)
};

// The largest error of a digest in units of the tolerance's scale.
inline double digest_error(const std::vector<double>& got, const std::vector<double>& expected, double count,
                           double floor) {
  const double scale = std::max(expected[1] / count, floor);
  double error = 0;
  for (std::size_t i = 0; i < 4; ++i) REQUIRE(std::isfinite(got[i]));  // std::max would drop a NaN
  for (std::size_t i = 0; i < 4; ++i)
    error = std::max(error, std::abs(got[i] - expected[i]) / (i < 2 ? scale * count : scale));
  return error;
}

inline double vector_error(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double error = 0, scale = 0;
  for (const double x : expected) scale = std::max(scale, std::abs(x));
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(std::isfinite(got[i]));
    error = std::max(error, std::abs(got[i] - expected[i]) / scale);
  }
  return error;
}

// One picture in evaluation in float64 (record_deep): the embedding and some gradients, for networks too deep
// for more.
inline void check_evaluation_against_golden(const std::string& depth, double tolerance) {
  const auto golden = read_golden_numbers(std::string(FACETRAIN_SOURCE_DIR) + "/tests/golden/data/iresnet" +
                                          depth + "_se_f64.txt");
  const auto net = make_backbone({.depth = depth, .mode = "se", .embedding_size = kEmbedding}, 1);
  net->to(at::kCPU, at::kDouble);
  net->train(false);
  fill_by_formula(*net, true);
  const at::Tensor embeddings = net->forward(formula(100003, {1, 3, 112, 112}), {});
  const double error = vector_error(to_vector(embeddings.slice(1, 0, kEmbedding, 4)), golden.at("eval"));
  CHECK(error < tolerance);
  at::mul(embeddings, formula(100019, {1, kEmbedding})).sum().backward();
  std::size_t compared = 0;
  double worst = 0;
  for (const NamedTensor& t : net->state()) {
    const auto found = golden.find("grad:" + t.name);
    if (found == golden.end()) continue;
    REQUIRE(t.tensor.grad().defined());
    const double off =
        digest_error(digest(t.tensor.grad()), found->second, static_cast<double>(t.tensor.numel()), 1e-300);
    CHECK_MESSAGE(off < tolerance, t.name << " is off by " << off);
    worst = test::larger(worst, off);
    ++compared;
  }
  CHECK(compared == golden.size() - 1);
  CHECK(compared > 10);
  MESSAGE("iresnet" << depth << ": embedding off by " << error << ", " << compared << " gradients, worst "
                    << worst);
}

// A network whose weights are filled.
inline void compare_with_golden(const std::string& name, Backbone& net, std::int64_t batch,
                                at::ScalarType dtype, Tolerance tolerance, const DropoutKey& key = {}) {
  const std::string suffix = dtype == at::kDouble ? "_f64" : "_f32";
  const auto golden =
      read_golden_numbers(std::string(FACETRAIN_SOURCE_DIR) + "/tests/golden/data/" + name + suffix + ".txt");
  const at::Tensor images = formula(100003, {batch, 3, 112, 112}).to(dtype);
  const at::Tensor direction = formula(100019, {batch, kEmbedding}).to(dtype);
  const auto every_16th = [](const at::Tensor& t) { return to_vector(t.slice(1, 0, kEmbedding, 16)); };

  net.train(false);
  {
    const c10::AutoGradMode no_gradient(false);
    CHECK(vector_error(every_16th(net.forward(images, {})), golden.at("eval")) < tolerance.relative);
  }
  net.train(true);
  const at::Tensor embeddings = net.forward(images, key);
  CHECK(vector_error(every_16th(embeddings), golden.at("train")) < tolerance.train);
  at::mul(embeddings, direction).sum().backward();
  std::size_t compared = 0;
  double worst_gradient = 0, worst_statistic = 0;
  for (const NamedTensor& t : net.state()) {
    const auto found = golden.find((t.is_buffer ? "stat:" : "grad:") + t.name);
    if (found == golden.end()) {
      CHECK_MESSAGE((!t.trainable || t.name.ends_with("num_batches_tracked")), t.name);
      if (t.is_buffer) CHECK(t.tensor.item<std::int64_t>() == 4);
      continue;
    }
    REQUIRE((t.is_buffer || t.tensor.grad().defined()));
    const double error = digest_error(digest(t.is_buffer ? t.tensor : t.tensor.grad()), found->second,
                                      static_cast<double>(t.tensor.numel()), tolerance.floor);
    CHECK_MESSAGE(error < (t.is_buffer ? tolerance.relative : tolerance.gradient),
                  t.name << " is off by " << error);
    double& worst = t.is_buffer ? worst_statistic : worst_gradient;
    worst = test::larger(worst, error);
    ++compared;
  }
  CHECK(compared == golden.size() - 2);
  MESSAGE(name << suffix << ": " << compared << " gradients and statistics, worst " << worst_gradient << ", "
               << worst_statistic);
}

inline void check_against_golden(const std::string& name, BackboneSpec spec, std::int64_t batch,
                                 at::ScalarType dtype, Tolerance tolerance) {
  spec.embedding_size = kEmbedding;
  spec.dropout = 0;
  const auto net = make_backbone(spec, 1);
  net->to(at::kCPU, dtype);
  fill_by_formula(*net, spec.model == "iresnet");
  compare_with_golden(name, *net, batch, dtype, tolerance);
}

}  // namespace facetrain::test
