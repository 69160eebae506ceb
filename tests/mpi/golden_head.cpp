// The class-sharded ArcFace head against the reference's PartialFC_V2 + ArcFace at the same number of ranks
// (tests/golden/record_head.py): loss, embedding gradients, weight gradients, with rows at cosine +-1, an
// angle beyond pi - m, a loss at its bound, and ranks without a row's class.
#include <ATen/ATen.h>

#include <cstdint>
#include <string>

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

void compare(at::ScalarType type, const std::string& type_name, double tolerance) {
  Config config;
  config.head.margin = {0.5};
  ShardedClassifier classifier({kClasses, kSize, 1, at::kCPU, type, type}, make_head(config), world());
  const ClassShard shard = classifier.shard();
  const test::HeadInputs inputs;
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
  CHECK(test::golden_difference(embeddings.grad(), golden.at(prefix + "embedding_gradient"), first) <
        tolerance);
  CHECK(test::golden_difference(classifier.weight().grad(), golden.at(prefix + "weight_gradient"),
                                shard.first) < tolerance);
}

}  // namespace

TEST_CASE("the sharded ArcFace head is the reference's in float64") {
  compare(at::kDouble, "f64", 1e-11);
}

TEST_CASE("the sharded ArcFace head is the reference's in float32") {
  compare(at::kFloat, "f32", 1e-5);
}
