// The class-sharded ArcFace head against the reference's PartialFC_V2 + ArcFace at the same number of ranks
// (tests/golden/record_head.py): loss, embedding gradients, weight gradients, with rows at cosine +-1, an
// angle beyond pi - m, a loss at its bound, and ranks without a row's class.
#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "tests/golden/golden_formula.hpp"
#include "tests/golden/golden_numbers.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/head/sharded_classifier.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::formula;
using facetrain::test::world;

namespace {

constexpr std::int64_t kClasses = 7, kSize = 8, kRows = 12;

struct Inputs {
  at::Tensor weight = formula(1, {kClasses, kSize}) * 0.03, embeddings = formula(2, {kRows, kSize}) * 2.0;
  at::Tensor labels = at::tensor({0, 1, 2, 3, 4, 5, 6, 0, 2, 2, 1, 0}, at::TensorOptions().dtype(at::kLong));

  Inputs() {
    weight[5].copy_(-weight[4] + 0.05 * weight[6]);
    embeddings[1].copy_(2.0 * weight[1]);
    embeddings[2].copy_(-3.0 * weight[2]);
    embeddings[4].copy_(-40.0 * weight[4]);
    embeddings[8].copy_(-5.0 * weight[2] + 0.5 * weight[0]);
  }
};

// Largest difference, relative to the golden tensor's largest value.
double difference(const at::Tensor& ours, const std::vector<double>& golden, std::int64_t first_row) {
  const at::Tensor all = at::tensor(golden, at::kDouble).view({-1, kSize});
  const at::Tensor theirs = all.narrow(0, first_row, ours.size(0));
  if (ours.numel() == 0) return 0;
  return (ours.to(at::kDouble) - theirs).abs().max().item<double>() / all.abs().max().item<double>();
}

void compare(at::ScalarType type, const std::string& type_name, double tolerance) {
  Config config;
  config.head.margin = {0.5};
  ShardedClassifier classifier({kClasses, kSize, 1, at::kCPU, type, type}, make_head(config), world());
  const ClassShard shard = classifier.shard();
  const Inputs inputs;
  classifier.weight().detach().copy_(inputs.weight.narrow(0, shard.first, shard.count));

  const std::int64_t batch = kRows / world().size(), first = batch * world().rank();
  const at::Tensor embeddings =
      inputs.embeddings.narrow(0, first, batch).to(type).clone().set_requires_grad(true);
  const at::Tensor loss = classifier.loss(embeddings, inputs.labels.narrow(0, first, batch));
  loss.backward();

  const auto golden = test::read_golden_numbers(FACETRAIN_SOURCE_DIR "/tests/golden/data/head.txt");
  const std::string prefix = type_name + ".world" + std::to_string(world().size()) + ".";
  REQUIRE(golden.contains(prefix + "loss"));
  CHECK((loss.scalar_type() == type));
  CHECK(loss.item<double>() == doctest::Approx(golden.at(prefix + "loss")[0]).epsilon(tolerance));
  CHECK(difference(embeddings.grad(), golden.at(prefix + "embedding_gradient"), first) < tolerance);
  CHECK(difference(classifier.weight().grad(), golden.at(prefix + "weight_gradient"), shard.first) <
        tolerance);
}

}  // namespace

TEST_CASE("the sharded ArcFace head is the reference's in float64") {
  compare(at::kDouble, "f64", 1e-11);
}

TEST_CASE("the sharded ArcFace head is the reference's in float32") {
  compare(at::kFloat, "f32", 1e-5);
}
