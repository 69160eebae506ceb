// Communicator over MPI for CPU tensors. Sums and maxima of f16 and bf16 go over the wire as float32 and are
// rounded once; f32, f64 and int64 go as they are. The result of an all-reduce is the same, bit for bit, on
// every rank: Open MPI's nonblocking algorithms add each element's terms in one order (or in pairs that both
// sides add, and a + b == b + a).
#pragma once

#include "common/mpi/communicators.hpp"
#include "trainer/comm/communicator.hpp"

namespace facetrain {

// all_reduce and broadcast accept any dense layout (channels_last too) that is equal on all ranks; the others
// want contiguous tensors. Throws Error(kInternal) for a tensor that does not fit, and for MPI's errors (from
// wait()).
class MpiCommunicator : public Communicator {
 public:
  // Takes the communicator over. max_count: most elements in one MPI call (MPI counts are int); smaller only
  // in tests.
  explicit MpiCommunicator(MpiComm comm, std::int64_t max_count = std::int64_t{1} << 28);

  int rank() const override { return comm_.rank(); }
  int size() const override { return comm_.size(); }
  Work all_reduce_async(at::Tensor t, ReduceOp op) override;
  void all_gather(at::Tensor out, const at::Tensor& in) override;
  void reduce_scatter(at::Tensor out, const at::Tensor& in) override;
  void broadcast(at::Tensor t, int root) override;
  void barrier() override;

 private:
  MpiComm comm_;
  std::int64_t max_count_;
};

// A world of one: no MPI, any device.
class SelfCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Work all_reduce_async(at::Tensor, ReduceOp) override { return {}; }
  void all_gather(at::Tensor out, const at::Tensor& in) override;
  void reduce_scatter(at::Tensor out, const at::Tensor& in) override;
  void broadcast(at::Tensor, int) override {}
  void barrier() override {}
};

}  // namespace facetrain
