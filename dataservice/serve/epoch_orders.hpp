// The orders of the epochs that are being streamed, and of the next one, which is made ahead on a thread of
// its own: of 5,000,000 pictures it takes 0.1 s, and the trainers would wait for it where an epoch begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <map>
#include <memory>

#include "common/plan/sample_plan.hpp"

namespace facetrain {

// One thread uses it.
class EpochOrders {
 public:
  EpochOrders(const PlanShape& shape, std::uint32_t epochs) : shape_(shape), epochs_(epochs) {}

  // The order of an epoch; the one after it is begun. Those of epochs that nobody holds any more are given
  // up.
  std::shared_ptr<const EpochOrder> of(std::uint32_t epoch);

  std::size_t size() const { return orders_.size(); }  // orders, those being made included
  bool is_made(std::uint32_t epoch) const;             // is there one already? For tests.

 private:
  using Order = std::shared_future<std::shared_ptr<const EpochOrder>>;
  Order make(std::uint32_t epoch) const;

  PlanShape shape_;
  std::uint32_t epochs_;
  std::map<std::uint32_t, Order> orders_;
};

}  // namespace facetrain
