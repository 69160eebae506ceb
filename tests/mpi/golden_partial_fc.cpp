// Twelve steps with partial FC in float64, dense and sparse update, against the reference's PartialFC_V2 and
// torch's SGD at the same number of ranks (tests/golden/record_partial_fc.py): the classes sampled, every
// loss, the last embedding gradient, all centres before the learning rate falls and at the end.
#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "tests/golden/golden_formula.hpp"
#include "tests/golden/golden_numbers.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/head/class_sample.hpp"
#include "trainer/head/sharded_classifier.hpp"
#include "trainer/optim/sgd.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::formula;
using facetrain::test::world;

namespace {

constexpr std::int64_t kClasses = 23, kSize = 8, kRows = 12, kSteps = 12, kDrop = 6;
constexpr std::uint64_t kSeed = 42;
constexpr double kRate = 0.4, kTolerance = 1e-11;

// record_partial_fc.py's labels_of().
at::Tensor labels_of(std::int64_t step) {
  const at::Tensor rows = at::arange(kRows);
  return step == 3 || step == 9 ? (rows * 2 + step).remainder(kClasses)
                                : ((rows * 7).remainder(3) * 8 + step / 3).remainder(kClasses);
}

class Golden {
 public:
  const std::vector<double>& operator()(const std::string& key) const {
    return numbers_.at("world" + std::to_string(world().size()) + "." + key);
  }
  // Largest difference of our rows from the recorded ones, relative to the recorded tensor's largest value.
  double difference(const at::Tensor& ours, const std::string& key, std::int64_t first) const {
    const at::Tensor all = at::tensor((*this)(key), at::kDouble).view({-1, kSize});
    return ((ours - all.narrow(0, first, ours.size(0))).abs().max() / all.abs().max()).item<double>();
  }

 private:
  std::map<std::string, std::vector<double>> numbers_ =
      test::read_golden_numbers(FACETRAIN_SOURCE_DIR "/tests/golden/data/partial_fc.txt");
};

void compare(bool dense_momentum) {
  const Golden golden;
  Config config;
  config.head.margin = {0.5};
  ShardedClassifier classifier(
      {kClasses, kSize, kSeed, at::kCPU, at::kDouble, at::kDouble, kRate, dense_momentum}, make_head(config),
      world());
  const ClassShard shard = classifier.shard();
  classifier.weight().detach().copy_(
      formula(1, {kClasses, kSize}).mul(0.3).narrow(0, shard.first, shard.count));
  std::vector<TrainedParameter> parameters;
  for (const at::Tensor& parameter : classifier.parameters()) parameters.push_back({parameter, true});
  Sgd sgd(parameters, 0.9, 0.05, classifier.sparse_centres());

  const std::int64_t batch = kRows / world().size(), first = batch * world().rank();
  for (std::int64_t step = 0; step < kSteps; ++step) {
    CAPTURE(step);
    if (step == kDrop)
      CHECK(golden.difference(classifier.weight().detach(), "centres_before_drop", shard.first) < kTolerance);
    const at::Tensor embeddings =
        formula(static_cast<std::uint32_t>(100 + step), {kRows, kSize}).mul(2).narrow(0, first, batch);
    const at::Tensor leaf = embeddings.clone().set_requires_grad(true);
    const at::Tensor loss = classifier.loss(leaf, labels_of(step).narrow(0, first, batch), step);
    for (at::Tensor& parameter : classifier.parameters()) parameter.mutable_grad() = at::Tensor();
    loss.backward();
    sgd.step(step < kDrop ? 0.01 : 0.001);
    CHECK(loss.item<double>() == doctest::Approx(golden("loss")[step]).epsilon(kTolerance));
    if (step == kSteps - 1) CHECK(golden.difference(leaf.grad(), "embedding_gradient", first) < kTolerance);
  }
  CHECK(golden.difference(classifier.weight().detach(), "centres", shard.first) < kTolerance);
}

}  // namespace

TEST_CASE("the classes sampled are the reference's for the same random numbers") {
  const Golden golden;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const at::Tensor labels = labels_of(step);
    const std::span needed(labels.const_data_ptr<std::int64_t>(), kRows);
    std::vector<double> classes;
    for (int rank = 0; rank < world().size(); ++rank) {
      const ClassShard shard = class_shard(kClasses, rank, world().size());
      for (const std::int64_t i :
           sample_classes(needed, shard, kRate, {kSeed, static_cast<std::uint32_t>(step)}))
        classes.push_back(static_cast<double>(shard.first + i));
    }
    CHECK(classes == golden("sampled" + std::to_string(step)));
  }
}

TEST_CASE("partial FC with the dense rule is the reference's") {
  compare(true);
}

TEST_CASE("partial FC with the sparse update is the reference's") {
  compare(false);
}
