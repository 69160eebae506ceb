#include "dataservice/serve/epoch_orders.hpp"

#include <chrono>

namespace facetrain {

EpochOrders::Order EpochOrders::make(std::uint32_t epoch) const {
  return std::async(std::launch::async,
                    [shape = shape_, epoch] { return std::make_shared<const EpochOrder>(shape, epoch); })
      .share();
}

std::shared_ptr<const EpochOrder> EpochOrders::of(std::uint32_t epoch) {
  if (!orders_.contains(epoch)) orders_.emplace(epoch, make(epoch));
  std::shared_ptr<const EpochOrder> order = orders_.at(epoch).get();
  if (const std::uint32_t next = epoch + 1; next < epochs_ && !orders_.contains(next)) {
    // Trainers are apart by no more than a step plus the slots of their rings: an order that neither a batch
    // under way nor the epochs next to this one need is past.
    std::erase_if(orders_, [&](const auto& entry) {
      return entry.first + 1 < epoch && entry.second.get().use_count() == 1;
    });
    orders_.emplace(next, make(next));
  }
  return order;
}

bool EpochOrders::is_made(std::uint32_t epoch) const {
  const auto found = orders_.find(epoch);
  return found != orders_.end() &&
         found->second.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace facetrain
