// The sharded head at any number of ranks is the unsharded one: more ranks than classes, labels that are out
// of range, centres that depend on the class alone, and an overflow on one rank that every rank skips.
#include "trainer/head/sharded_classifier.hpp"

#include <ATen/ATen.h>

#include <limits>
#include <string>

#include "common/error.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/optim/nonfinite.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

namespace {

std::unique_ptr<Head> arcface() {
  Config config;
  config.head.margin = {0.5};
  return make_head(config);
}

ClassifierSpec spec(std::int64_t classes) {
  return {classes, 8, 3, at::kCPU, at::kDouble, at::kDouble};
}

// Embeddings of the global batch, the same on every rank.
at::Tensor draw(std::int64_t rows) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(11);
  return at::randn({rows, 8}, generator, at::kDouble);
}

}  // namespace

TEST_CASE("loss and gradients equal one rank's, also with more ranks than classes") {
  const int ranks = world().size(), rank = world().rank();
  for (const std::int64_t classes : {1, 2, 5}) {
    CAPTURE(classes);
    const std::int64_t batch = 2, rows = batch * ranks;
    const at::Tensor labels = at::arange(rows).remainder(classes);
    SelfCommunicator alone;
    ShardedClassifier whole(spec(classes), arcface(), alone);
    const at::Tensor all = draw(rows).set_requires_grad(true);
    const at::Tensor expected = whole.loss(all, labels);
    expected.backward();

    ShardedClassifier shard(spec(classes), arcface(), world());
    const ClassShard own = shard.shard();
    CHECK(shard.weight().detach().equal(whole.weight().detach().narrow(0, own.first, own.count)));
    const at::Tensor mine = draw(rows).narrow(0, rank * batch, batch).clone().set_requires_grad(true);
    const at::Tensor loss = shard.loss(mine, labels.narrow(0, rank * batch, batch));
    loss.backward();
    CHECK(loss.item<double>() == doctest::Approx(expected.item<double>()).epsilon(1e-13));
    CHECK(mine.grad().allclose(all.grad().narrow(0, rank * batch, batch) * ranks, 1e-11, 1e-13));
    CHECK(
        shard.weight().grad().allclose(whole.weight().grad().narrow(0, own.first, own.count), 1e-11, 1e-13));
  }
}

TEST_CASE("a label out of range is refused by every rank, and the next batch goes on") {
  ShardedClassifier classifier(spec(5), arcface(), world());
  const at::Tensor embeddings = draw(2), good = at::tensor({0, 4}, at::TensorOptions().dtype(at::kLong));
  for (const std::int64_t wrong : {-1, 5}) {
    at::Tensor labels = good.clone();
    if (world().rank() == world().size() - 1) labels[1].fill_(wrong);
    try {
      classifier.loss(embeddings, labels);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK((error.kind() == ErrorKind::kInput));
      CHECK(std::string(error.what()).find("label " + std::to_string(wrong)) != std::string::npos);
    }
  }
  CHECK(classifier.loss(embeddings, good).item<double>() > 0);
}

TEST_CASE("centres are N(0, .01) and differ between classes") {
  SelfCommunicator alone;
  const at::Tensor weight = ShardedClassifier({500, 64, 1}, arcface(), alone).weight().detach();
  CHECK((weight.scalar_type() == at::kFloat));
  CHECK(weight.mean().item<double>() == doctest::Approx(0.0).epsilon(2e-4));
  CHECK(weight.std().item<double>() == doctest::Approx(0.01).epsilon(0.02));
  CHECK_FALSE(weight[0].equal(weight[1]));
}

TEST_CASE("an overflow on one rank is one on all") {
  at::Tensor gradient = at::ones({2});
  CHECK(nonfinite(at::ones({}), {gradient}, world()).item<float>() == 0.0f);
  if (world().rank() == world().size() - 1) gradient[0].fill_(std::numeric_limits<float>::infinity());
  CHECK(nonfinite(at::ones({}), {gradient}, world()).item<float>() == 1.0f);
}
