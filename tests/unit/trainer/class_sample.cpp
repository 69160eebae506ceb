// Which classes a step of partial FC uses: positives always, then the smallest keys; a function of (labels,
// shard, rate, seed, step) alone; negatives are drawn uniformly.
#include "trainer/head/class_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "common/plan/philox.hpp"

using namespace facetrain;

namespace {

using Classes = std::vector<std::int64_t>;

bool contains(const Classes& classes, std::int64_t wanted) {
  return std::binary_search(classes.begin(), classes.end(), wanted);
}

}  // namespace

TEST_CASE("positives are in, the size is the budget, the order ascends without repetition") {
  const ClassShard shard{100, 50};
  const Classes labels{99, 149, 100, 120, 120, 7, 150};  // 99, 7 and 150 are other ranks'
  for (std::uint32_t step = 0; step < 200; ++step) {
    const Classes classes = sample_classes(labels, shard, 0.3, {42, step});
    REQUIRE(classes.size() == 15);
    REQUIRE(std::adjacent_find(classes.begin(), classes.end(), std::greater_equal<>()) == classes.end());
    REQUIRE((classes.front() >= 0 && classes.back() < 50));
    for (const std::int64_t positive : {49, 0, 20}) REQUIRE(contains(classes, positive));
  }
}

TEST_CASE("negatives are those with the smallest keys, whatever the shard") {
  const Classes labels{4, 31};
  for (const ClassShard shard :
       {ClassShard{0, 40}, ClassShard{0, 20}, ClassShard{20, 20}, ClassShard{13, 11}}) {
    const Classes classes = sample_classes(labels, shard, 0.5, {7, 3});
    double largest_in = 0, smallest_out = 1;
    for (std::int64_t i = 0; i < shard.count; ++i) {
      const auto id = static_cast<std::uint64_t>(shard.first + i);
      const double key = RandomStream(7, Purpose::kSample, 3, id).uniform();
      if (contains(classes, i) && std::count(labels.begin(), labels.end(), shard.first + i) == 0)
        largest_in = std::max(largest_in, key);
      if (!contains(classes, i)) smallest_out = std::min(smallest_out, key);
    }
    CHECK(largest_in < smallest_out);
    CHECK(classes.size() == static_cast<std::size_t>(shard.count / 2));
  }
}

TEST_CASE("the same key gives the same classes, another step or seed others") {
  const Classes labels{1};
  const ClassShard shard{0, 1000};
  const Classes classes = sample_classes(labels, shard, 0.1, {42, 5});
  CHECK(classes == sample_classes(labels, shard, 0.1, {42, 5}));
  CHECK(classes != sample_classes(labels, shard, 0.1, {42, 6}));
  CHECK(classes != sample_classes(labels, shard, 0.1, {43, 5}));
}

TEST_CASE("more positives than the budget: exactly the positives; edges of the budget") {
  const Classes labels{9, 3, 5, 3, 0};
  CHECK(sample_classes(labels, {0, 10}, 0.3, {}) == Classes{0, 3, 5, 9});
  CHECK(sample_classes(labels, {0, 10}, 0.4, {}) == Classes{0, 3, 5, 9});
  CHECK(sample_classes(labels, {0, 10}, 0.5, {}).size() == 5);
  CHECK(sample_classes(labels, {0, 100}, 0.29, {}).size() == 28);  // int(0.29 * 100), as Python
  CHECK(sample_classes(labels, {20, 3}, 0.3, {}).empty());
  CHECK(sample_classes(labels, {20, 0}, 0.9, {}).empty());
  CHECK(sample_classes({}, {20, 4}, 0.99, {}).size() == 3);
}

TEST_CASE("negatives are uniform") {
  // 60 classes of which 2 are positive; 2000 steps draw 13 of the other 58. Each count is hypergeometric in a
  // step: variance n q (1 - q), and the counts' sum is fixed, so the statistic is chi-square with 57 degrees
  // of freedom; 99.9 % of it lies below 96.
  const Classes labels{10, 40};
  constexpr int kSteps = 2000;
  std::vector<int> hits(60);
  for (std::uint32_t step = 0; step < kSteps; ++step)
    for (const std::int64_t i : sample_classes(labels, {0, 60}, 0.25, {42, step})) ++hits[i];
  CHECK((hits[10] == kSteps && hits[40] == kSteps));
  const double share = 13.0 / 58, expected = kSteps * share;
  double chi_square = 0;
  for (int i = 0; i < 60; ++i)
    if (i != 10 && i != 40)
      chi_square += (hits[i] - expected) * (hits[i] - expected) / expected / (1 - share);
  chi_square *= 57.0 / 58;
  MESSAGE("chi-square of 57 degrees of freedom: ", chi_square);
  CHECK(chi_square < 96);
  CHECK(chi_square > 28);  // 0.1 % lies below: counts too even are no draw either
}
