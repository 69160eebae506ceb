// Validation over 1, 2 and 3 ranks: the same numbers, with rank 0's buffers, and nothing of the network is
// left changed.
#include "trainer/validation/evaluate.hpp"

#include "tests/mpi/world.hpp"
#include "tests/validation_fixture.hpp"
#include "trainer/comm/mpi_communicator.hpp"

// After ATen, whose logging header defines a CHECK of its own.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

// Far from every tile mean: a rank that used it would accept every pair.
double mean_of(int rank) {
  return rank == 0 ? 0.0 : 1000.0 * rank;
}

const std::vector<std::string> kNames{"first", "second"};

}  // namespace

TEST_CASE("validation gives the same numbers at every world size") {
  const test::TemporaryFolder folder;
  test::write_set(folder.path(), "first", 123);  // 246 pictures: 82 or 123 a rank
  test::write_set(folder.path(), "second", 11);  // 22 pictures: 8, 7 and 7 of 3 ranks
  const auto sets = open_validation_sets(folder.path(), kNames);
  for (const Fusion fusion : {Fusion::kAdd, Fusion::kNone}) {
    const ValidationOptions options{.fusion = fusion, .batch = 16, .format = {}};

    SelfCommunicator alone;
    test::TileMeans root_network(mean_of(0));
    std::vector<std::string> expected_lines, lines;
    const auto expected = evaluate(root_network, alone, sets, options,
                                   [&](const auto& text) { expected_lines.push_back(text); });
    CHECK(expected.mean_accuracy > 0.6);
    CHECK(expected.mean_accuracy < 0.99);

    Communicator& trainers = test::world();
    test::TileMeans network(mean_of(trainers.rank()));
    const auto result =
        evaluate(network, trainers, sets, options, [&](const auto& text) { lines.push_back(text); });
    REQUIRE(result.sets.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(result.sets[i].name == kNames[i]);
      CHECK(result.sets[i].accuracy.mean == expected.sets[i].accuracy.mean);
      CHECK(result.sets[i].accuracy.deviation == expected.sets[i].accuracy.deviation);
    }
    CHECK(result.mean_accuracy == expected.mean_accuracy);
    CHECK(result.mean_accuracy == (result.sets[0].accuracy.mean + result.sets[1].accuracy.mean) / 2);
    CHECK(lines == (trainers.rank() == 0 ? expected_lines : std::vector<std::string>{}));
    CHECK(network.largest_batch <= 16);
  }
}

TEST_CASE("validation puts back each rank's buffers and train mode, also when the network fails") {
  const test::TemporaryFolder folder;
  test::write_set(folder.path(), "first", 10);
  const auto sets = open_validation_sets(folder.path(), std::vector<std::string>{"first"});
  Communicator& trainers = test::world();
  test::TileMeans network(mean_of(trainers.rank()));
  const at::Tensor before = network.mean().clone();
  const auto ignore = [](const std::string&) {};
  for (const bool fail : {false, true}) {
    network.fail = fail;
    if (fail)
      CHECK_THROWS_WITH(evaluate(network, trainers, sets, {}, ignore), "the network failed");
    else
      evaluate(network, trainers, sets, {}, ignore);
    CHECK(at::equal(network.mean(), before));
    CHECK(network.count().item<std::int64_t>() == 7);
    CHECK(network.training);
    CHECK_FALSE(network.saw_train_mode);
  }
}

TEST_CASE("the lines are the reference's") {
  const test::TemporaryFolder folder;
  test::write_set(folder.path(), "lfw", 10);
  const auto sets = open_validation_sets(folder.path(), std::vector<std::string>{"lfw"});
  test::TileMeans network(0.0);
  std::string lines;
  evaluate(network, test::world(), sets, {}, [&](const std::string& text) { lines += text + "\n"; });
  if (test::world().rank() != 0) return;
  CHECK(lines.starts_with("Validating...\nlfw: "));
  CHECK(lines.find("+-") != std::string::npos);
  CHECK(lines.find("\nMean accuracy: ") != std::string::npos);
}
