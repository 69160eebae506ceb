#include "common/plan/philox.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace facetrain;

TEST_CASE("philox4x32-10 gives the known answers of Random123") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Philox4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Philox4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Philox4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("streams of different purposes, times and positions differ; copies replay") {
  RandomStream a(42, Purpose::kAugment, 1, 7), same = a;
  RandomStream purpose(42, Purpose::kDropout, 1, 7), when(42, Purpose::kAugment, 2, 7),
      position(42, Purpose::kAugment, 1, 8);
  const std::uint32_t first = a.next_u32();
  CHECK(first == same.next_u32());
  CHECK(first != purpose.next_u32());
  CHECK(first != when.next_u32());
  CHECK(first != position.next_u32());
}

TEST_CASE("draws have the distributions they promise") {
  RandomStream stream(1, Purpose::kSample, 0, 0);
  double sum = 0, normal_sum = 0, normal_squares = 0;
  int counts[5] = {};
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = stream.uniform();
    REQUIRE(u >= 0.0);
    REQUIRE(u < 1.0);
    sum += u;
    ++counts[stream.below(5)];
    const double z = stream.normal();
    normal_sum += z;
    normal_squares += z * z;
  }
  CHECK(std::abs(sum / kDraws - 0.5) < 0.005);
  CHECK(std::abs(normal_sum / kDraws) < 0.015);
  CHECK(std::abs(normal_squares / kDraws - 1.0) < 0.03);
  for (const int count : counts) CHECK(std::abs(count - kDraws / 5) < 800);
}
