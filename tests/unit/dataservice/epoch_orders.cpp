#include "dataservice/serve/epoch_orders.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

namespace facetrain {
namespace {

bool made_soon(const EpochOrders& orders, std::uint32_t epoch) {
  for (int k = 0; k < 2000 && !orders.is_made(epoch); ++k)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return orders.is_made(epoch);
}

TEST_CASE("an epoch's order is the plan's; the next one is made before it is asked for, and no more") {
  const PlanShape shape{.samples = 1000, .world = 2, .batch = 5};
  EpochOrders orders(shape, 6);
  for (std::uint32_t epoch = 0; epoch < 6; ++epoch) {
    CAPTURE(epoch);
    const auto order = orders.of(epoch);
    const EpochOrder plain(shape, epoch);
    bool same = true;
    for (std::uint64_t place = 0; place < 1000; ++place)
      same = same && order->sample_at(place) == plain.sample_at(place);
    CHECK(same);
    if (epoch < 5) CHECK(made_soon(orders, epoch + 1));
    CHECK_FALSE(orders.is_made(epoch + 2));
    CHECK(orders.of(epoch) == order);
    CHECK(orders.size() <= 3);  // memory does not grow with the epochs
  }
  CHECK_FALSE(orders.is_made(6));
}

TEST_CASE("an order that a batch under way needs stays; a trainer that is behind gets its own") {
  const PlanShape shape{.samples = 100, .world = 1, .batch = 5};
  EpochOrders orders(shape, 9);
  const auto held = orders.of(0);
  for (std::uint32_t epoch = 1; epoch < 6; ++epoch) orders.of(epoch);
  CHECK(orders.of(0) == held);
  CHECK(orders.of(4)->sample_at(7) == EpochOrder(shape, 4).sample_at(7));
  CHECK(orders.of(1)->sample_at(7) == EpochOrder(shape, 1).sample_at(7));  // long given up
}

}  // namespace
}  // namespace facetrain
