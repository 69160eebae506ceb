// Between the training loop and its log: steps whose loss is still on its way from the device. The loop does
// not wait for a loss; the log gets each step, in order, when its loss has arrived, one or more steps later.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

#include "trainer/log/train_logger.hpp"

namespace facetrain {

// A number that a device will have computed some time (a ScalarCopy of trainer/cuda/scalar_copy.hpp).
struct PendingNumber {
  std::function<bool()> arrived;  // asks, does not wait
  std::function<double()> value;  // waits
};

class StepQueue {
 public:
  // `report` gets every step with its loss. most_pending: beyond so many the oldest is waited for, so that
  // the loop cannot run further ahead of the device (and of what the log tells) than that.
  explicit StepQueue(std::function<void(const StepDone&)> report, std::size_t most_pending = 4)
      : report_(std::move(report)), most_pending_(most_pending) {}

  // Adds a step (its `loss` is what `loss` will give) and reports those that have arrived.
  void push(const StepDone& step, PendingNumber loss);
  // Waits for all of them and reports them: at an epoch's end.
  void flush();

 private:
  void report_first();

  std::function<void(const StepDone&)> report_;
  std::size_t most_pending_;
  std::deque<std::pair<StepDone, PendingNumber>> pending_;
};

}  // namespace facetrain
