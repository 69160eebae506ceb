#include <utility>  // before Boost 1.74's awaitable.hpp, which forgets it

#include "dataservice/serve/trainer_session.hpp"

#include <boost/asio/post.hpp>

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"

namespace facetrain {

TrainerSession::TrainerSession(std::shared_ptr<Socket> socket, const Hello& hello, const RingLayout& layout,
                               Plan plan, WorkerPool& pool)
    : socket_(std::move(socket)),
      hello_(hello),
      layout_(layout),
      plan_(std::move(plan)),
      pool_(pool),
      memfd_(create_sealed_memfd("facetrain-ring", layout.total_bytes())),
      memory_(memfd_, layout.total_bytes()),
      epoch_(hello.start_epoch),
      step_(hello.start_step),
      lent_(layout.slots, true) {
  memory_.prefault();
}

void TrainerSession::fill_all_slots() {
  for (std::uint32_t slot = 0; slot < layout_.slots; ++slot) fill(slot);
}

void TrainerSession::fill(std::uint32_t slot) {
  if (slot >= layout_.slots || !lent_[slot]) {
    throw Error(ErrorKind::kInternal, "trainer rank " + std::to_string(hello_.trainer_rank) +
                                          " gave back slot " + std::to_string(slot) +
                                          ", which it does not hold");
  }
  if (step_ >= plan_.shape.steps_per_epoch()) {
    ++epoch_;
    step_ = 0;
  }
  if (epoch_ >= plan_.epochs) return;  // the plan is done: the slot rests
  lent_[slot] = false;
  plan_.reached(epoch_, step_);
  const std::uint64_t number = announced_ + ordered_.size();
  ordered_.push_back({slot, epoch_, step_, false});
  BatchJob job;
  job.order = plan_.order(epoch_);
  job.shape = plan_.shape;
  job.epoch = epoch_;
  job.step = step_++;
  job.rank = hello_.trainer_rank;
  job.layout = layout_;
  job.slot = memory_.bytes().subspan(layout_.slot_offset(slot), layout_.slot_bytes());
  job.done = [self = shared_from_this(), number](std::exception_ptr error) {
    boost::asio::post(self->socket_->get_executor(), [self, number, error] { self->filled(number, error); });
  };
  pool_.submit(std::move(job));
}

// Batches may become ready out of order; they are announced in order.
void TrainerSession::filled(std::uint64_t number, std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
  ordered_[number - announced_].ready = true;
  std::uint32_t ready = 0;
  while (ready < ordered_.size() && ordered_[ready].ready) ++ready;
  for (; ready > 0; --ready) {
    const Ordered& batch = ordered_.front();
    lent_[batch.slot] = true;
    Filled message;
    message.slot = batch.slot;
    message.epoch = batch.epoch;
    message.step = batch.step;
    message.bad_pictures = plan_.bad_pictures();
    if (!try_send_frame(socket_->native_handle(), Message(message)))
      return;  // dead: the reader of its socket reports it
    ordered_.pop_front();
    ++announced_;
    plan_.handed_over();
  }
}

}  // namespace facetrain
