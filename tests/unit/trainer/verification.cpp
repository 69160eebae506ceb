// The rules of 10-fold verification that the recorded cases do not single out.
#include "trainer/validation/verification.hpp"

#include <chrono>
#include <cmath>
#include <limits>

#include "common/error.hpp"
#include "trainer/validation/numpy_sum.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

TEST_CASE("separable pairs are all right") {
  std::vector<double> distances;
  std::vector<std::uint8_t> same;
  for (int i = 0; i < 23; ++i) {
    same.push_back(i % 2);
    distances.push_back(i % 2 ? 0.5 : 1.5);
  }
  for (const double accuracy : fold_accuracies(distances, same)) CHECK(accuracy == 1.0);
}

TEST_CASE("a pair at the threshold is not below it, and the smallest of the best thresholds is taken") {
  // Training folds are parted by any of 0.51 .. 1.00 (0.50 is not: the comparison is strict), so 0.51
  // decides.
  std::vector<double> distances(20);
  std::vector<std::uint8_t> same(20);
  for (std::size_t i = 0; i < 20; ++i) {
    same[i] = i % 2;
    distances[i] = same[i] ? 50 * 0.01 : 1.0;
  }
  distances[0] = 51 * 0.01;  // a different pair at the threshold: rejected, right
  CHECK(fold_accuracies(distances, same)[0] == 1.0);
  distances[0] = std::nextafter(51 * 0.01, 0.0);  // just below: accepted, wrong
  CHECK(fold_accuracies(distances, same)[0] == 0.5);
}

TEST_CASE("NaN is never accepted") {
  std::vector<double> distances(20, 0.1);
  std::vector<std::uint8_t> same(20, 1);
  distances[3] = std::numeric_limits<double>::quiet_NaN();
  const auto accuracies = fold_accuracies(distances, same);
  CHECK(accuracies[1] == 0.5);
  CHECK(accuracies[0] == 1.0);
}

TEST_CASE("folds: the first pairs % 10 folds are longer by one") {
  // All rejected at every threshold: the accuracy of a fold is its share of different pairs.
  std::vector<double> distances(13, 4.0);
  std::vector<std::uint8_t> same(13, 0);
  same[1] = 1;   // in fold 0 = {0, 1}
  same[12] = 1;  // fold 9 = {12}
  const auto accuracies = fold_accuracies(distances, same);
  CHECK(accuracies[0] == 0.5);
  CHECK(accuracies[1] == 1.0);
  CHECK(accuracies[8] == 1.0);
  CHECK(accuracies[9] == 0.0);
}

TEST_CASE("too few pairs and unequal lengths are errors") {
  const std::vector<double> nine(9, 1.0), ten(10, 1.0);
  const std::vector<std::uint8_t> flags(9, 1);
  CHECK_THROWS_WITH_AS(fold_accuracies(nine, flags),
                       doctest::Contains("9 pairs cannot be divided into 10 folds"), Error);
  CHECK_THROWS_WITH_AS(fold_accuracies(ten, flags),
                       doctest::Contains("10 pairs of embeddings but 9 issame flags"), Error);
}

TEST_CASE("rounding is numpy's") {
  CHECK(round_to_5_digits(0.123455) == 0.12346);  // Python's own round would say 0.12345
  CHECK(round_to_5_digits(0.9333333333333333) == 0.93333);
}

TEST_CASE("pairwise sums: small, one block, many blocks") {
  for (const std::size_t n : {0u, 1u, 7u, 8u, 100u, 128u, 129u, 512u, 1000u}) {
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<double>(i);
    CHECK(pairwise_sum<double>(std::span<const double>(values)) ==
          static_cast<double>(n ? n * (n - 1) / 2 : 0));
  }
}

TEST_CASE("12000 pairs are counted in less than 50 ms") {
  std::vector<double> distances(12000);
  std::vector<std::uint8_t> same(12000);
  for (std::size_t i = 0; i < distances.size(); ++i) {
    distances[i] = static_cast<double>(i * 7919 % 4001) / 1000;
    same[i] = i * 31 % 7 < 3;
  }
  const auto start = std::chrono::steady_clock::now();
  const auto accuracies = fold_accuracies(distances, same);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  MESSAGE("12000 pairs: ", took.count(), " ms");
  CHECK(accuracies.size() == 10);
#ifdef NDEBUG
  CHECK(took.count() < 50);
#endif
}
