// A communicator that tells a step's profile when the step waits for other ranks.
#pragma once

#include <utility>

#include "trainer/comm/forwarding_communicator.hpp"
#include "trainer/step/step_profile.hpp"

namespace facetrain {

class ProfiledCommunicator final : public ForwardingCommunicator {
 public:
  // Both outlive it.
  ProfiledCommunicator(Communicator& trainers, StepProfile& profile)
      : ForwardingCommunicator(trainers), profile_(profile) {}

  // Only what wait() takes counts: the rest is hidden behind computing.
  Work all_reduce_async(at::Tensor t, ReduceOp op) override {
    Work under_way = ForwardingCommunicator::all_reduce_async(std::move(t), op);
    return Work([this, under_way]() mutable { timed([&] { under_way.wait(); }); });
  }
  void all_gather(at::Tensor out, const at::Tensor& in) override {
    timed([&] { ForwardingCommunicator::all_gather(std::move(out), in); });
  }
  void reduce_scatter(at::Tensor out, const at::Tensor& in) override {
    timed([&] { ForwardingCommunicator::reduce_scatter(std::move(out), in); });
  }
  void broadcast(at::Tensor t, int root) override {
    timed([&] { ForwardingCommunicator::broadcast(std::move(t), root); });
  }
  void barrier() override {
    timed([&] { ForwardingCommunicator::barrier(); });
  }

 private:
  template <typename Exchange>
  void timed(Exchange exchange) {
    const Phase around = profile_.phase();
    profile_.enter(Phase::kCommunication);
    exchange();
    profile_.enter(around);
  }

  StepProfile& profile_;
};

}  // namespace facetrain
