// Every head but ArcFace against the reference's own classes at the same number of ranks
// (tests/golden/record_heads.py), in float64: each rank's loss, gradients of embeddings, centres and
// parameters, statistics. With the [compat] flags all are the reference's; without, those that the papers and
// the reference share. Edge rows: angles beyond pi with the margin, norms at and beyond the clamps, a loss at
// its bound, a rank without any row's class, where the reference's loss or statistic may be NaN and ours is
// not.
#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/golden/golden_numbers.hpp"
#include "tests/mpi/head_inputs.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/head/sharded_classifier.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

namespace {

constexpr std::int64_t kClasses = test::kHeadClasses, kSize = test::kHeadSize, kRows = test::kHeadRows;
constexpr double kTolerance = 1e-10;

using Golden = std::map<std::string, std::vector<double>>;

const Golden& golden() {
  static const Golden numbers =
      test::read_golden_numbers(FACETRAIN_SOURCE_DIR "/tests/golden/data/heads.txt");
  return numbers;
}

Config head_config(const std::string& head, const std::vector<double>& margins, bool compat) {
  Config config;
  config.head.head = head;
  config.head.margin = margins;
  config.compat = {compat, compat, compat, compat, compat, compat};
  return config;
}

// This rank's embeddings as a leaf.
at::Tensor own_rows(const at::Tensor& all) {
  const std::int64_t batch = kRows / world().size();
  return all.narrow(0, batch * world().rank(), batch).clone().set_requires_grad(true);
}

// A number that the reference may have as NaN, where ours must still be finite.
void check_number(double ours, double theirs) {
  CHECK(std::isfinite(ours));
  if (!std::isnan(theirs)) CHECK(std::abs(ours - theirs) <= kTolerance * std::max(1.0, std::abs(theirs)));
}

void check_step(ShardedClassifier& classifier, const std::string& prefix, std::uint32_t step,
                const at::Tensor& labels) {
  const std::int64_t batch = kRows / world().size(), first = batch * world().rank();
  const auto rank = static_cast<std::size_t>(world().rank());
  for (at::Tensor& parameter : classifier.parameters()) parameter.mutable_grad() = at::Tensor();
  const at::Tensor embeddings = own_rows(test::head_embeddings(step));
  const at::Tensor loss = classifier.loss(embeddings, labels.narrow(0, first, batch));
  loss.backward();

  REQUIRE(golden().contains(prefix + "loss"));
  check_number(loss.item<double>(), golden().at(prefix + "loss")[rank]);
  CHECK(test::golden_difference(embeddings.grad(), golden().at(prefix + "embedding_gradient"), first) <
        kTolerance);
  CHECK(test::golden_difference(classifier.weight().grad(), golden().at(prefix + "weight_gradient"),
                                classifier.shard().first) < kTolerance);
  const auto parameters = classifier.head().parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    check_number(parameters[i].grad().item<double>(),
                 golden().at(prefix + "parameter_gradient")[rank * parameters.size() + i]);
  const auto statistics = classifier.head().statistics();
  for (std::size_t i = 0; i < statistics.size(); ++i)
    check_number(statistics[i].item<double>(),
                 golden().at(prefix + "statistics")[rank * statistics.size() + i]);
}

void compare(const std::string& key, const Config& config, std::uint32_t steps) {
  const test::HeadInputs inputs;
  for (const std::string labels : {"full", "absent"}) {
    if (labels == "absent" && world().size() != 3) continue;
    CAPTURE(key);
    CAPTURE(labels);
    const at::Tensor numbers =
        labels == "full" ? inputs.labels : test::int64_tensor({0, 1, 2, 3, 4, 4, 3, 0, 2, 2, 1, 0});
    ShardedClassifier classifier({kClasses, kSize, 1, at::kCPU, at::kDouble, at::kDouble}, make_head(config),
                                 world());
    const ClassShard shard = classifier.shard();
    classifier.weight().detach().copy_(inputs.weight.narrow(0, shard.first, shard.count));
    for (std::uint32_t step = 0; step < steps; ++step)
      check_step(classifier,
                 key + "." + labels + ".world" + std::to_string(world().size()) + ".step" +
                     std::to_string(step) + ".",
                 step, numbers);
  }
}

}  // namespace

TEST_CASE("CosFace and SphereFace are the reference's") {
  for (const bool compat : {false, true}) {
    compare("cosface", head_config("cosface", {0.4}, compat), 1);
    compare("sphereface", head_config("sphereface", {1.7}, compat), 1);
  }
}

TEST_CASE("the combined margin is the reference's where that uses all of its numbers, and with the flag") {
  for (const bool compat : {false, true}) {
    compare("combined_m2", head_config("combined", {1, 0.5, 0}, compat), 1);
    compare("combined_m3", head_config("combined", {1, 0, 0.4}, compat), 1);
  }
  compare("combined_all", head_config("combined", {1.2, 0.3, 0.2}, true), 1);
}

TEST_CASE("CurricularFace with its flags is the reference's, over two steps of t") {
  compare("curricularface", head_config("curricularface", {0.5}, true), 2);
}

TEST_CASE("MagFace with its flag is the reference's") {
  compare("magface", head_config("magface", {10, 110, 0.45, 0.8}, true), 1);
}

TEST_CASE("AdaFace with its flags is the reference's, over two steps of its statistics") {
  compare("adaface", head_config("adaface", {0.4}, true), 2);
}

TEST_CASE("UniFace with its flag is the reference's; on one rank without it too") {
  compare("uniface", head_config("uniface", {0.4, 15}, true), 1);
  if (world().size() == 1) compare("uniface", head_config("uniface", {0.4, 15}, false), 1);
}

// The reference leaves the paper's softplus out: ours has softplus(x), and sigmoid(x) times its gradient.
TEST_CASE("circle loss is the softplus of the reference's") {
  for (const auto& [key, spread] :
       {std::pair<std::string, double>{"circle_far", 1.0}, {"circle_near", 0.19}}) {
    CAPTURE(key);
    const at::Tensor labels = test::HeadInputs().labels;
    const at::Tensor noise = test::formula(40, {kRows, kSize});
    const at::Tensor rows = (at::eye(kSize, at::kDouble).index_select(0, labels) + noise * spread) *
                            at::linspace(1, 9, kRows, at::kDouble).unsqueeze(1);
    ShardedClassifier classifier({kClasses, kSize, 1, at::kCPU, at::kDouble, at::kDouble},
                                 make_head(head_config("circleloss", {0.25}, false)), world());
    const at::Tensor own = own_rows(rows);
    const std::int64_t batch = own.size(0), first = batch * world().rank();
    const at::Tensor loss = classifier.loss(own, labels.narrow(0, first, batch));
    loss.backward();

    const double theirs = golden().at(key + ".loss")[0];
    if (key == "circle_near") REQUIRE(std::abs(theirs) < 3);  // where softplus matters
    CHECK(loss.item<double>() == doctest::Approx(std::log1p(std::exp(theirs))).epsilon(kTolerance));
    const double factor = world().size() / (1 + std::exp(-theirs));
    CHECK(test::golden_difference(own.grad() / factor, golden().at(key + ".embedding_gradient"), first) <
          kTolerance);
    CHECK(classifier.weight().grad().abs().sum().item<double>() == 0);
  }
}
