#include "common/plan/chunked_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "common/error.hpp"

namespace facetrain {
namespace {

PlanShape chunked(std::uint32_t samples, std::uint32_t world, std::uint32_t batch, std::uint32_t nodes,
                  std::uint32_t shard, std::uint32_t window) {
  return {.samples = samples,
          .world = world,
          .batch = batch,
          .strategy = Strategy::kChunked,
          .nodes = nodes,
          .shard = shard,
          .window = window};
}

// What a node's ranks take in the epoch's steps, in order.
std::vector<std::uint32_t> taken_by(const PlanShape& shape, std::uint32_t epoch, std::uint32_t node) {
  const EpochOrder order(shape, epoch);
  std::vector<std::uint32_t> taken;
  for (std::uint64_t step = 0; step < shape.steps_per_epoch(); ++step)
    for (std::uint32_t row = 0; row < shape.batch; ++row)
      for (std::uint32_t rank = 0; rank < shape.world; ++rank)
        if (node_of_rank(shape, rank) == node) taken.push_back(order.sample(step, rank, row));
  return taken;
}

std::vector<std::uint32_t> line_of(const PlanShape& shape, std::uint32_t epoch, SampleRange places) {
  std::vector<std::uint32_t> line;
  for (const SampleRange& range : samples_at(shape, shuffled_shards(shape, epoch), places))
    for (std::uint64_t k = 0; k < range.count; ++k)
      line.push_back(static_cast<std::uint32_t>(range.first + k));
  return line;
}

// Calls check(shape) for many data sets, jobs, shards and windows.
template <class Check>
void for_many_shapes(const Check& check) {
  for (const std::uint32_t samples : {1u, 7u, 64u, 97u, 1000u, 1003u})
    for (const std::uint32_t world : {1u, 2u, 3u, 4u, 6u, 8u})
      for (const std::uint32_t nodes : {1u, 2u, 3u, 4u, 8u})
        for (const std::uint32_t batch : {1u, 5u, 16u})
          for (const auto& [shard, window] :
               {std::pair{1u, 1u}, {1u, 50u}, {16u, 16u}, {10u, 37u}, {16u, 128u}, {2000u, 4000u}})
            if (nodes <= world) {
              const PlanShape shape = chunked(samples, world, batch, nodes, shard, window);
              CAPTURE(shape.samples);
              CAPTURE(shape.world);
              CAPTURE(shape.nodes);
              CAPTURE(shape.batch);
              CAPTURE(shape.shard);
              CAPTURE(shape.window);
              check(shape);
            }
}

TEST_CASE("chunked: every sample stands once in an epoch's order, and at most a global batch is dropped") {
  for_many_shapes([](const PlanShape& shape) {
    std::vector<std::uint32_t> order = chunked_order(shape, 5), all(shape.samples);
    std::iota(all.begin(), all.end(), 0u);
    const std::uint64_t taken = shape.steps_per_epoch() * shape.batch * shape.world;
    REQUIRE(taken <= shape.samples);
    REQUIRE(shape.samples - taken < std::uint64_t{shape.batch} * shape.world);
    std::sort(order.begin(), order.end());
    REQUIRE(order == all);
  });
}

TEST_CASE(
    "chunked: a node's ranks take its share, from the front, each sample of it moved inside its window") {
  for_many_shapes([](const PlanShape& shape) {
    std::uint64_t place = 0;
    for (std::uint32_t node = 0; node < shape.nodes; ++node) {
      const SampleRange share = node_share(shape, node);
      REQUIRE(share.first == place);  // no gap between the shares
      place += share.count;
      std::uint64_t ranks = 0;
      for (std::uint32_t rank = 0; rank < shape.world; ++rank) ranks += node_of_rank(shape, rank) == node;
      REQUIRE(share.count * shape.world + shape.world > shape.samples * ranks);  // equal but for one sample
      REQUIRE(share.count * shape.world < shape.samples * ranks + shape.world);
      const auto taken = taken_by(shape, 2, node);
      const auto line = line_of(shape, 2, share);
      REQUIRE(line.size() == share.count);
      REQUIRE(taken.size() == shape.steps_per_epoch() * shape.batch * ranks);
      REQUIRE(taken.size() <= share.count);
      std::vector<std::uint64_t> place_of(shape.samples, ~std::uint64_t{0});
      for (std::uint64_t k = 0; k < line.size(); ++k) place_of[line[k]] = k;
      for (std::uint64_t k = 0; k < taken.size(); ++k)
        REQUIRE(place_of[taken[k]] / shape.window == k / shape.window);
    }
    REQUIRE(place == shape.samples);
  });
}

TEST_CASE("chunked: a step's samples depend on the number of nodes, not on the trainers of a node") {
  const auto step_of = [](std::uint32_t world, std::uint32_t nodes, std::uint64_t step) {
    const PlanShape shape = chunked(1003, world, 48 / world, nodes, 16, 128);
    CHECK(shape.steps_per_epoch() == 20);
    const EpochOrder order(shape, 3);
    std::multiset<std::uint32_t> samples;
    for (std::uint32_t rank = 0; rank < world; ++rank)
      for (std::uint32_t row = 0; row < shape.batch; ++row) samples.insert(order.sample(step, rank, row));
    return samples;
  };
  for (const std::uint64_t step : {0u, 1u, 7u, 19u}) {
    CHECK(step_of(1, 1, step) == step_of(3, 1, step));
    CHECK(step_of(1, 1, step) == step_of(8, 1, step));
    CHECK(step_of(2, 2, step) == step_of(4, 2, step));
    CHECK(step_of(2, 2, step) == step_of(6, 2, step));
    CHECK(step_of(2, 2, step) != step_of(2, 1, step));
  }
}

TEST_CASE("chunked: an order is the same each time it is asked for, and another for each epoch and seed") {
  PlanShape shape = chunked(500, 2, 5, 2, 16, 64);
  CHECK(chunked_order(shape, 4) == chunked_order(shape, 4));
  CHECK(chunked_order(shape, 4) != chunked_order(shape, 5));
  const auto before = chunked_order(shape, 4);
  shape.seed += 1;
  CHECK(chunked_order(shape, 4) != before);
}

TEST_CASE("chunked: a small example, written out") {
  // 14 samples in shards of 4, windows of 5, two nodes with one trainer each.
  const PlanShape shape = chunked(14, 2, 3, 2, 4, 5);
  CHECK(shape.steps_per_epoch() == 2);  // 12 of 14 samples
  using Numbers = std::vector<std::uint32_t>;
  // The shuffled shards laid end to end: 4 5 6 7 | 12 13 | 0 1 2 3 | 8 9 10 11.
  CHECK(shuffled_shards(shape, 0) == Numbers{1, 3, 0, 2});
  // Half of the line each; the windows: 4 5 6 7 12 | 13 0 and 1 2 3 8 9 | 10 11.
  CHECK(node_share(shape, 0) == SampleRange{0, 7});
  CHECK(node_share(shape, 1) == SampleRange{7, 7});
  CHECK(samples_at(shape, {1, 3, 0, 2}, {7, 5}) == std::vector<SampleRange>{{1, 3}, {8, 2}});
  // Shuffled inside them (the numbers: an independent Philox in Python). No step takes the 7th of a share.
  CHECK(taken_by(shape, 0, 0) == Numbers{7, 4, 6, 5, 12, 13});
  CHECK(taken_by(shape, 0, 1) == Numbers{9, 2, 1, 8, 3, 10});
  CHECK(chunked_order(shape, 0) == Numbers{7, 9, 4, 2, 6, 1, 5, 8, 12, 3, 13, 10, 0, 11});
}

TEST_CASE("chunked: fixed_size takes the first samples; redraw others each epoch, and reads few shards") {
  PlanShape shape = chunked(1000, 2, 5, 1, 10, 50);
  shape.fixed_size = 100;
  CHECK(shape.steps_per_epoch() == 10);
  for (const std::uint32_t sample : taken_by(shape, 1, 0)) CHECK(sample < 100);
  shape.redraw = true;
  CHECK(shape.steps_per_epoch() == 10);
  std::set<std::uint32_t> shards, all;
  for (const std::uint32_t sample : taken_by(shape, 1, 0)) shards.insert(sample / 10);
  CHECK(shards.size() == 10);
  for (std::uint32_t epoch = 0; epoch < 100; ++epoch)
    for (const std::uint32_t sample : taken_by(shape, epoch, 0)) all.insert(sample);
  CHECK(all.size() == 1000);
}

TEST_CASE("chunked: k steps of batch b take the samples of one step of batch k x b") {
  PlanShape small = chunked(103, 2, 5, 2, 8, 16);
  small.accumulate = 3;
  CHECK(small.steps_per_epoch() == 9);  // of 10: the last group is not whole
  CHECK(taken_by(small, 1, 1) == taken_by(chunked(103, 2, 15, 2, 8, 16), 1, 1));
}

TEST_CASE("chunked: a configuration's plan") {
  Config config;
  config.data.order = "chunked";
  config.data.shard = 7;
  config.data.window = 21;
  config.train.batch_size = 8;
  const PlanShape shape = plan_shape(config, 51, 4, 2);
  CHECK(shape.strategy == Strategy::kChunked);
  CHECK(shape.nodes == 2);
  CHECK(shape.shard == 7);
  CHECK(shape.window == 21);
  CHECK(shape.steps_per_epoch() == 1);
  config.data.window = std::int64_t{1} << 40;
  CHECK(plan_shape(config, 51, 4, 2).window == 51);
  CHECK_THROWS_AS(plan_shape(config, 31, 4, 2), Error);  // 31 of 32
  config.embed.model_path = "m.pth";
  CHECK(plan_shape(config, 51, 4, 2).strategy == Strategy::kSequential);
}

}  // namespace
}  // namespace facetrain
