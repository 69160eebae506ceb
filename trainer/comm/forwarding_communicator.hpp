// A communicator that hands every call on to another: to derive from where a few calls do more.
#pragma once

#include <utility>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

class ForwardingCommunicator : public Communicator {
 public:
  explicit ForwardingCommunicator(Communicator& wire) : wire_(wire) {}  // which outlives it

  int rank() const override { return wire_.rank(); }
  int size() const override { return wire_.size(); }
  Work all_reduce_async(at::Tensor t, ReduceOp op) override {
    return wire_.all_reduce_async(std::move(t), op);
  }
  void all_gather(at::Tensor out, const at::Tensor& in) override { wire_.all_gather(std::move(out), in); }
  void reduce_scatter(at::Tensor out, const at::Tensor& in) override {
    wire_.reduce_scatter(std::move(out), in);
  }
  void broadcast(at::Tensor t, int root) override { wire_.broadcast(std::move(t), root); }
  void barrier() override { wire_.barrier(); }

 private:
  Communicator& wire_;
};

}  // namespace facetrain
