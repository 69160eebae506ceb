// The seam for talking between trainer ranks: MPI (CPU tensors) and NCCL (CUDA tensors) behind one interface
// and one test suite. Every call is collective: all ranks make the same calls in the same order.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <utility>

namespace facetrain {

enum class ReduceOp { kSum, kMax };

// A collective under way. wait() returns when its result may be read (on a GPU: by work on the current
// stream).
class Work {
 public:
  Work() = default;
  explicit Work(std::function<void()> wait) : wait_(std::move(wait)) {}
  void wait() {
    if (wait_) std::exchange(wait_, nullptr)();
  }

 private:
  std::function<void()> wait_;
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Reduces `t` (contiguous; f16, bf16, f32, f64, int64) over all ranks in place. The caller keeps `t`
  // untouched until wait().
  virtual Work all_reduce_async(at::Tensor t, ReduceOp op) = 0;
  // out (size * n, ...) := every rank's in (n, ...), by rank. Shapes equal on all ranks.
  virtual void all_gather(at::Tensor out, const at::Tensor& in) = 0;
  // out (n, ...) := this rank's block of the sum of every rank's in (size * n, ...).
  virtual void reduce_scatter(at::Tensor out, const at::Tensor& in) = 0;
  virtual void broadcast(at::Tensor t, int root) = 0;
  virtual void barrier() = 0;

  void all_reduce(at::Tensor t, ReduceOp op) { all_reduce_async(std::move(t), op).wait(); }
};

}  // namespace facetrain
