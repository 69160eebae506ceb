// The heads' default formulas, written out over the whole matrix in one process and differentiated by
// autograd, against the class-sharded heads at 1, 2 and 3 ranks: loss, gradients, statistics over two steps.
// These are the papers' formulas where the reference does something else (trainer/head/compat.hpp).
#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "tests/mpi/head_inputs.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/head/sharded_classifier.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

namespace {

constexpr std::int64_t kClasses = test::kHeadClasses, kSize = test::kHeadSize, kRows = test::kHeadRows;
constexpr double kScale = 64.0, kTolerance = 1e-10;

// Of the whole batch and all classes.
struct Whole {
  at::Tensor cosines, norms, labels;
  at::Tensor truth() const { return at::one_hot(labels, kClasses).to(at::kBool); }
  at::Tensor target() const { return cosines.gather(1, labels.unsqueeze(1)); }
  at::Tensor with_target(const at::Tensor& logits, const at::Tensor& values) const {
    return at::where(truth(), values, logits);
  }
  // The softmax loss with the reference's bound on a row's loss; its gradient is as without.
  at::Tensor cross_entropy(const at::Tensor& logits) const {
    const at::Tensor rows = logits.logsumexp(1) - logits.gather(1, labels.unsqueeze(1)).squeeze(1);
    return (rows + (rows.clamp_max(-std::log(1e-30)) - rows).detach()).mean();
  }
};

using Formula = std::function<at::Tensor(const Whole&)>;

at::Tensor cosines_of(const at::Tensor& embeddings, const at::Tensor& weight) {
  const auto directions = [](const at::Tensor& rows) { return rows / rows.norm(2, {1}, true); };
  return at::matmul(directions(embeddings), directions(weight).t()).clamp(-1, 1);
}

double difference(const at::Tensor& ours, const at::Tensor& expected, const at::Tensor& scale) {
  if (ours.numel() == 0) return 0;
  return (ours - expected).abs().max().item<double>() / scale.abs().max().item<double>();
}

// `formula` is called once a step; `parameter` is its trained parameter; `statistics` are compared after it.
void compare_with(const at::Tensor& labels, const std::string& head, const std::vector<double>& margins,
                  const Formula& formula, const at::Tensor& parameter,
                  const std::vector<at::Tensor>& statistics) {
  const test::HeadInputs inputs;
  Config config;
  config.head.head = head;
  config.head.margin = margins;
  ShardedClassifier classifier({kClasses, kSize, 1, at::kCPU, at::kDouble, at::kDouble}, make_head(config),
                               world());
  const ClassShard shard = classifier.shard();
  classifier.weight().detach().copy_(inputs.weight.narrow(0, shard.first, shard.count));
  const std::int64_t batch = kRows / world().size(), first = batch * world().rank();

  for (const std::uint32_t step : {0u, 1u}) {
    CAPTURE(step);
    const at::Tensor all = test::head_embeddings(step).set_requires_grad(true);
    const at::Tensor weight = inputs.weight.clone().set_requires_grad(true);
    if (parameter.defined()) parameter.mutable_grad() = at::Tensor();
    const at::Tensor expected = formula({cosines_of(all, weight), all.norm(2, {1}, true), labels});
    expected.backward();

    for (at::Tensor& own : classifier.parameters()) own.mutable_grad() = at::Tensor();
    const at::Tensor mine = all.detach().narrow(0, first, batch).clone().set_requires_grad(true);
    const at::Tensor loss = classifier.loss(mine, labels.narrow(0, first, batch));
    loss.backward();
    CHECK(loss.item<double>() == doctest::Approx(expected.item<double>()).epsilon(kTolerance));
    CHECK(difference(mine.grad(), all.grad().narrow(0, first, batch) * world().size(), all.grad()) <
          kTolerance);
    CHECK(difference(classifier.weight().grad(), weight.grad().narrow(0, shard.first, shard.count),
                     weight.grad()) < kTolerance);
    if (parameter.defined())
      CHECK(difference(classifier.head().parameters().at(0).grad(), parameter.grad(), parameter.grad()) <
            kTolerance);
    const auto own = classifier.head().statistics();
    REQUIRE(own.size() == statistics.size());
    for (std::size_t i = 0; i < own.size(); ++i)
      CHECK(difference(own[i], statistics[i], statistics[i]) < kTolerance);
  }
}

// With labels of all classes, and of the first two only: then the last rank owns no row's class.
void compare(const std::string& head, const std::vector<double>& margins, const Formula& formula,
             const at::Tensor& parameter = {}, const std::vector<at::Tensor>& statistics = {}) {
  CAPTURE(head);
  std::vector<at::Tensor> at_first;
  for (const at::Tensor& one : statistics) at_first.push_back(one.clone());
  for (const bool all_classes : {true, false}) {
    CAPTURE(all_classes);
    for (std::size_t i = 0; i < statistics.size(); ++i) statistics[i].copy_(at_first[i]);
    const at::Tensor labels = test::HeadInputs().labels;
    compare_with(all_classes ? labels : labels.remainder(2), head, margins, formula, parameter, statistics);
  }
}

}  // namespace

TEST_CASE("the combined margin is cos(m1 theta + m2) - m3, with a gradient straight through it") {
  for (const auto& [m1, m2, m3] :
       {std::array{1.2, 0.3, 0.2}, std::array{0.9, 0.0, 0.0}, std::array{1.0, 0.3, 0.1}})
    compare("combined", {m1, m2, m3}, [&, m1 = m1, m2 = m2, m3 = m3](const Whole& whole) {
      const at::Tensor target = whole.target();
      const at::Tensor with_margin = (target.acos() * m1 + m2).cos() - m3;
      const at::Tensor logits = whole.with_target(whole.cosines, target + (with_margin - target).detach());
      return whole.cross_entropy(logits * kScale);
    });
}

TEST_CASE("CurricularFace seeks hard negatives among all classes, and t follows the true cosines") {
  const at::Tensor t = at::zeros({1}, at::kDouble);
  compare("curricularface", {0.5},
          [&t](const Whole& whole) {
            const at::Tensor target = whole.target(), angle = target.acos() + 0.5;
            const at::Tensor values =
                at::where(angle.lt(std::numbers::pi), angle.cos(), target - 0.5 * std::sin(0.5));
            t.copy_(t * 0.99 + target.detach().mean() * 0.01);
            const at::Tensor hard = whole.cosines.gt(angle.cos());
            REQUIRE(hard.logical_and(whole.truth().logical_not()).any().item<bool>());
            const at::Tensor negatives =
                at::where(hard, whole.cosines * (t.clone() + whole.cosines), whole.cosines);
            return whole.cross_entropy(whole.with_target(negatives, values) * kScale);
          },
          {}, {t});
}

TEST_CASE("MagFace adds the mean of g over the global batch once") {
  compare("magface", {10, 110, 0.45, 0.8}, [](const Whole& whole) {
    const at::Tensor a = whole.norms.clamp(10, 110);
    const at::Tensor margin = 0.45 + (0.8 - 0.45) * (a - 10) / (110 - 10);
    const at::Tensor values = (whole.target().acos() + margin).cos();
    const at::Tensor g = 1 / a + a / (110.0 * 110.0);
    return whole.cross_entropy(whole.with_target(whole.cosines, values) * kScale) + 20 * g.mean();
  });
}

TEST_CASE("AdaFace adds its margin to the angle, with running statistics of the global batch") {
  const at::Tensor mean = at::full({1}, 20.0, at::kDouble), deviation = at::full({1}, 100.0, at::kDouble);
  compare("adaface", {0.4},
          [&](const Whole& whole) {
            const at::Tensor norms = whole.norms.detach().clamp(0.001, 100);
            mean.copy_(mean * 0.99 + norms.mean() * 0.01);
            deviation.copy_(deviation * 0.99 + norms.std() * 0.01);
            const at::Tensor z = ((norms - mean) / (deviation + 1e-3) * 0.333).clamp(-1, 1);
            const at::Tensor cosines = whole.cosines.clamp(-0.999, 0.999);
            const at::Tensor angle = cosines.gather(1, whole.labels.unsqueeze(1)).acos() - 0.4 * z;
            const at::Tensor values = angle.clamp(1e-3, std::numbers::pi - 1e-3).cos() - (0.4 + 0.4 * z);
            return whole.cross_entropy(whole.with_target(cosines, values) * kScale);
          },
          {}, {mean, deviation});
}

TEST_CASE("UniFace asks every class, and all ranks train one bias") {
  const at::Tensor bias = at::full({1}, 11.5, at::kDouble).set_requires_grad(true);
  compare(
      "uniface", {0.4, 11.5},
      [&bias](const Whole& whole) {
        const auto softplus = [](const at::Tensor& x) {
          return at::log1p(at::exp(x.clamp(-kScale, kScale)));
        };
        const at::Tensor positive = softplus(-(kScale * (whole.cosines - 0.4) - bias));
        const at::Tensor negative = softplus(kScale * whole.cosines - bias);
        return at::where(whole.truth(), positive, negative).sum(1).mean();
      },
      bias);
}
