// The sampling plan against the order of the reference's own DistributedSampler
// (tests/golden/record_sampler.py).
#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/plan/sample_plan.hpp"

using namespace facetrain;

namespace {

std::uint64_t fnv64(const std::vector<std::uint32_t>& indices) {
  std::uint64_t value = 0xCBF29CE484222325ull;
  for (const std::uint32_t index : indices) {
    for (int shift = 0; shift < 32; shift += 8) value = (value ^ (index >> shift & 0xFF)) * 0x100000001B3ull;
  }
  return value;
}

// The rest of a line, `fields`, are the first of the samples.
void check_order(const PlanShape& shape, std::uint32_t epoch, std::uint32_t rank, std::uint64_t count,
                 std::uint64_t digest, std::istringstream& fields) {
  REQUIRE(shape.samples_per_rank() == count);
  const EpochOrder order(shape, epoch);
  std::vector<std::uint32_t> mine;
  for (std::uint64_t step = 0; step < count; ++step)
    mine.push_back(order.sample(step, rank, 0));  // batch 1: a step a sample
  CHECK(fnv64(mine) == digest);
  std::uint32_t expected = 0;
  for (std::size_t i = 0; fields >> expected; ++i) CHECK(mine[i] == expected);
}

}  // namespace

TEST_CASE("the plan hands out samples in the reference's order") {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/sampler.txt");
  REQUIRE(file);
  int cases = 0;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::uint32_t n = 0, epoch = 0, world = 0, rank = 0;
    std::uint64_t count = 0, digest = 0;
    fields >> n >> epoch >> world >> rank >> count >> std::hex >> digest >> std::dec;
    CAPTURE(line);
    PlanShape shape;
    shape.samples = n;
    shape.world = world;
    check_order(shape, epoch, rank, count, digest, fields);
    ++cases;
  }
  CHECK(cases == 189);
}

TEST_CASE("with fixed_size too: the first pictures, or others each epoch") {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/sampler_fixed_size.txt");
  REQUIRE(file);
  int cases = 0;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    PlanShape shape;
    std::uint32_t of = 0, epoch = 0, rank = 0;
    std::uint64_t count = 0, digest = 0;
    fields >> shape.samples >> shape.fixed_size >> of >> epoch >> shape.world >> rank >> count >> std::hex >>
        digest >> std::dec;
    shape.redraw = of != shape.fixed_size;
    CAPTURE(line);
    CHECK(shape.steps_per_epoch() == count);
    check_order(shape, epoch, rank, count, digest, fields);
    ++cases;
  }
  CHECK(cases == 252);
}
