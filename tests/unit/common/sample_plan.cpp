#include "common/plan/sample_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "common/plan/class_shard.hpp"

using namespace facetrain;

namespace {

std::multiset<std::uint32_t> samples_of_step(PlanShape shape, std::uint32_t epoch, std::uint64_t step) {
  const EpochOrder order(shape, epoch);
  std::multiset<std::uint32_t> samples;
  for (std::uint32_t rank = 0; rank < shape.world; ++rank) {
    for (std::uint32_t row = 0; row < shape.batch; ++row) samples.insert(order.sample(step, rank, row));
  }
  return samples;
}

}  // namespace

TEST_CASE("a step trains on the same set of samples at every world size with the same global batch") {
  for (std::uint64_t step = 0; step < 8; ++step) {
    const auto alone = samples_of_step({.samples = 400, .world = 1, .batch = 48}, 3, step);
    CHECK(alone == samples_of_step({.samples = 400, .world = 2, .batch = 24}, 3, step));
    CHECK(alone == samples_of_step({.samples = 400, .world = 3, .batch = 16}, 3, step));
    CHECK(alone.size() == 48);
  }
  CHECK(samples_of_step({.samples = 400, .world = 1, .batch = 48}, 3, 0) !=
        samples_of_step({.samples = 400, .world = 1, .batch = 48}, 4, 0));
}

TEST_CASE("an epoch covers every sample once, but for the dropped last batch") {
  const PlanShape shape{.samples = 103, .world = 2, .batch = 10};
  CHECK(shape.steps_per_epoch() == 5);  // ceil(103 / 2) / 10
  const EpochOrder order(shape, 0);
  std::set<std::uint32_t> seen;
  for (std::uint64_t step = 0; step < 5; ++step) {
    for (std::uint32_t rank = 0; rank < 2; ++rank) {
      for (std::uint32_t row = 0; row < 10; ++row) CHECK(seen.insert(order.sample(step, rank, row)).second);
    }
  }
  CHECK(seen.size() == 100);
}

TEST_CASE("classes are shared out without gaps, the remainder to the first ranks") {
  for (const std::int64_t classes : {1, 2, 7, 100, 12345}) {
    for (const int world : {1, 2, 3, 8}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < world; ++rank) {
        const ClassShard shard = class_shard(classes, rank, world);
        CHECK(shard.first == next);
        CHECK((shard.count == classes / world || shard.count == classes / world + 1));
        if (rank > 0) CHECK(shard.count <= class_shard(classes, rank - 1, world).count);
        next += shard.count;
      }
      CHECK(next == classes);
    }
  }
}
