// What a data service holds for one trainer rank: the ring, and the place in the training plan up to which
// batches have been ordered. Lives on the server's I/O thread.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>

#include "common/ipc/messages.hpp"
#include "common/ipc/shared_memory.hpp"
#include "common/plan/sample_plan.hpp"
#include "dataservice/serve/worker_pool.hpp"

namespace facetrain {

class TrainerSession : public std::enable_shared_from_this<TrainerSession> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  struct Plan {
    PlanShape shape;
    std::uint32_t epochs = 0;
    std::function<std::shared_ptr<const EpochOrder>(std::uint32_t epoch)> order;
    std::function<std::uint64_t()> bad_pictures;                           // so far
    std::function<void(std::uint32_t epoch, std::uint64_t step)> reached;  // this batch is ordered now
    std::function<void()> handed_over;                                     // a batch is the trainer's now
  };

  // Makes and touches the ring's memory. Throws Error(kInternal).
  TrainerSession(std::shared_ptr<Socket> socket, const Hello& hello, const RingLayout& layout, Plan plan,
                 WorkerPool& pool);

  const Fd& memfd() const { return memfd_; }
  std::uint32_t trainer_rank() const { return hello_.trainer_rank; }

  void fill_all_slots();
  // The trainer gave `slot` back: order the next batch of the plan into it. Throws Error(kInternal) for a
  // slot not lent.
  void fill(std::uint32_t slot);

 private:
  struct Ordered {
    std::uint32_t slot = 0;
    std::uint32_t epoch = 0;
    std::uint64_t step = 0;
    bool ready = false;
  };
  void filled(std::uint64_t number, std::exception_ptr error);

  std::shared_ptr<Socket> socket_;
  Hello hello_;
  RingLayout layout_;
  Plan plan_;
  WorkerPool& pool_;
  Fd memfd_;
  Mapping memory_;
  std::uint32_t epoch_;  // of the next batch to order
  std::uint64_t step_;
  std::deque<Ordered> ordered_;  // ordered but not yet announced, oldest first
  std::uint64_t announced_ = 0;  // batches announced so far: the number of ordered_.front()
  std::vector<bool> lent_;       // per slot: with the trainer
};

}  // namespace facetrain
