#include "trainer/log/step_queue.hpp"

namespace facetrain {

void StepQueue::push(const StepDone& step, PendingNumber loss) {
  pending_.emplace_back(step, std::move(loss));
  while (!pending_.empty() && (pending_.size() > most_pending_ || pending_.front().second.arrived()))
    report_first();
}

void StepQueue::flush() {
  while (!pending_.empty()) report_first();
}

void StepQueue::report_first() {
  auto [step, loss] = std::move(pending_.front());
  pending_.pop_front();
  step.loss = loss.value();
  report_(step);
}

}  // namespace facetrain
