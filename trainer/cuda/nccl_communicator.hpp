// Communicator over NCCL for CUDA tensors, on a high-priority stream of its own beside the computation.
#pragma once

#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <optional>
#include <string>
#include <vector>

#include "common/mpi/communicators.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/comm/error_poll.hpp"

namespace facetrain {

// Tensors must be dense and on `device` (all_gather, reduce_scatter: contiguous); f16, bf16, f32, f64 and
// int64 are reduced natively. Waits order the current stream after the result and do not block the CPU,
// except barrier(). Every wait asks NCCL for asynchronous errors (a peer that died) and throws
// Error(kInternal). While the host waits for the device there is nobody to throw to: once a second a poll
// asks too, and ends the process with one line and exit code 70 (ncclCommAbort on one rank may wait for the
// others).
class NcclCommunicator : public Communicator {
 public:
  // Collective over `trainers`. Throws Error(kConfig) when two trainers have the same GPU.
  NcclCommunicator(MpiComm trainers, at::Device device);
  // Destroys the communicator, unless an error unwinds: NCCL's destroy and abort may wait for ranks that
  // never come.
  ~NcclCommunicator() override;
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  int rank() const override { return trainers_.rank(); }
  int size() const override { return trainers_.size(); }
  Work all_reduce_async(at::Tensor t, ReduceOp op) override;
  void all_gather(at::Tensor out, const at::Tensor& in) override;
  void reduce_scatter(at::Tensor out, const at::Tensor& in) override;
  void broadcast(at::Tensor t, int root) override;
  void barrier()
      override;  // returns when the device's work up to here is done on every rank; sleeps meanwhile

 private:
  template <typename Call>
  Work enqueue(std::vector<at::Tensor> tensors, Call&& call);
  std::optional<std::string> asynchronous_error() const;
  void check_peers() const;
  void require(bool fits, const char* call, const at::Tensor& t) const;

  MpiComm trainers_;
  at::Device device_;
  c10::cuda::CUDAStream stream_;
  ncclComm_t comm_ = nullptr;
  int exceptions_at_birth_ = 0;
  std::optional<ErrorPoll> poll_;  // of comm_, so it goes first
};

}  // namespace facetrain
