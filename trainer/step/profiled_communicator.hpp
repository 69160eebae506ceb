// A communicator that tells a step's profile when the step waits for other ranks.
#pragma once

#include <utility>

#include "trainer/comm/communicator.hpp"
#include "trainer/step/step_profile.hpp"

namespace facetrain {

class ProfiledCommunicator final : public Communicator {
 public:
  // Both outlive it.
  ProfiledCommunicator(Communicator& trainers, StepProfile& profile)
      : trainers_(trainers), profile_(profile) {}

  int rank() const override { return trainers_.rank(); }
  int size() const override { return trainers_.size(); }
  // Only what wait() takes counts: the rest is hidden behind computing.
  Work all_reduce_async(at::Tensor t, ReduceOp op) override {
    Work under_way = trainers_.all_reduce_async(std::move(t), op);
    return Work([this, under_way]() mutable { timed([&] { under_way.wait(); }); });
  }
  void all_gather(at::Tensor out, const at::Tensor& in) override {
    timed([&] { trainers_.all_gather(std::move(out), in); });
  }
  void reduce_scatter(at::Tensor out, const at::Tensor& in) override {
    timed([&] { trainers_.reduce_scatter(std::move(out), in); });
  }
  void broadcast(at::Tensor t, int root) override {
    timed([&] { trainers_.broadcast(std::move(t), root); });
  }
  void barrier() override {
    timed([&] { trainers_.barrier(); });
  }

 private:
  template <typename Exchange>
  void timed(Exchange exchange) {
    const Phase around = profile_.phase();
    profile_.enter(Phase::kCommunication);
    exchange();
    profile_.enter(around);
  }

  Communicator& trainers_;
  StepProfile& profile_;
};

}  // namespace facetrain
