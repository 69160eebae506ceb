#include "common/plan/sample_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "common/error.hpp"
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

TEST_CASE("fixed_size: the first samples in every epoch; redraw: others each epoch, all of them in the end") {
  const auto epoch_of = [](PlanShape shape, std::uint32_t epoch) {
    const EpochOrder order(shape, epoch);
    std::set<std::uint32_t> seen;
    for (std::uint64_t step = 0; step < shape.steps_per_epoch(); ++step)
      for (std::uint32_t rank = 0; rank < shape.world; ++rank)
        for (std::uint32_t row = 0; row < shape.batch; ++row)
          CHECK(seen.insert(order.sample(step, rank, row)).second);
    return seen;
  };
  PlanShape shape{.samples = 500, .world = 2, .batch = 10, .fixed_size = 100};
  CHECK(shape.steps_per_epoch() == 5);
  std::set<std::uint32_t> first;
  for (std::uint32_t i = 0; i < 100; ++i) first.insert(i);
  CHECK(epoch_of(shape, 0) == first);
  CHECK(epoch_of(shape, 1) == first);
  shape.redraw = true;
  CHECK(shape.steps_per_epoch() == 5);
  std::set<std::uint32_t> all;
  for (std::uint32_t epoch = 0; epoch < 60; ++epoch) all.merge(epoch_of(shape, epoch));
  CHECK(all.size() == 500);
  CHECK(epoch_of(shape, 0) != epoch_of(shape, 1));
  // The same samples at every world size with the same global batch.
  CHECK(epoch_of(shape, 3) ==
        epoch_of({.samples = 500, .world = 4, .batch = 5, .fixed_size = 100, .redraw = true}, 3));
}

TEST_CASE("a job's plan: more than there is, and less than a step, are refused") {
  Config config;
  config.train.batch_size = 8;
  CHECK(plan_shape(config, 50, 2).steps_per_epoch() == 3);
  config.data.fixed_size = 50;
  CHECK(plan_shape(config, 50, 2).steps_per_epoch() == 3);
  config.data.fixed_size = 33;
  CHECK(plan_shape(config, 50, 2).steps_per_epoch() == 2);
  CHECK_FALSE(plan_shape(config, 50, 2).redraw);
  config.data.fixed_size_redraw = true;
  CHECK(plan_shape(config, 50, 2).redraw);
  config.data.fixed_size = 51;
  CHECK_THROWS_WITH_AS(plan_shape(config, 50, 2),
                       "data.fixed_size is 51, but there are only 50 training pictures", Error);
  config.data.mask = "m.npy";
  CHECK_THROWS_WITH_AS(plan_shape(config, 50, 2), doctest::Contains("(that data.mask keeps)"), Error);
  config.data.fixed_size = 7;
  CHECK_THROWS_WITH_AS(
      plan_shape(config, 50, 2),
      doctest::Contains("an epoch has 7 pictures, fewer than one step of 2 trainers x train.batch_size 8"),
      Error);
}

TEST_CASE("k steps of batch b take the samples of one step of batch k x b") {
  const PlanShape small{.samples = 103, .world = 2, .batch = 5, .accumulate = 3};
  const PlanShape large{.samples = 103, .world = 2, .batch = 15};
  CHECK(small.steps_per_epoch() == 9);  // of 10: the last group is not whole
  CHECK(large.steps_per_epoch() == 3);
  const EpochOrder from_small(small, 1), from_large(large, 1);
  for (std::uint64_t step = 0; step < 9; ++step)
    for (std::uint32_t row = 0; row < 5; ++row)
      for (std::uint32_t rank = 0; rank < 2; ++rank)
        CHECK(from_small.sample(step, rank, row) ==
              from_large.sample(step / 3, rank, static_cast<std::uint32_t>(step % 3 * 5) + row));
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

TEST_CASE("sequential: every sample once, in order, whatever the world and batch; the rest is padding") {
  for (const std::uint32_t world : {1u, 2u, 3u, 5u}) {
    for (const std::uint32_t samples : {1u, 7u, 24u, 25u}) {
      for (const std::uint32_t batch : {1u, 4u, 30u}) {
        CAPTURE(world);
        CAPTURE(samples);
        CAPTURE(batch);
        const PlanShape shape{
            .samples = samples, .world = world, .batch = batch, .strategy = Strategy::kSequential};
        const EpochOrder order(shape, 3);
        std::uint64_t position = 0;
        for (std::uint64_t step = 0; step < shape.steps_per_epoch(); ++step)
          for (std::uint32_t row = 0; row < batch; ++row)
            for (std::uint32_t rank = 0; rank < world; ++rank, ++position) {
              REQUIRE(shape.position(step, rank, row) == position);
              REQUIRE(order.is_padding(position) == (position >= samples));
              if (position < samples) REQUIRE(order.sample(step, rank, row) == position);
            }
        CHECK(position >= samples);
        CHECK(position < samples + world * batch);  // no step without a sample
      }
    }
  }
  CHECK_FALSE(PlanShape{.samples = 3}.is_padding(3));
}
