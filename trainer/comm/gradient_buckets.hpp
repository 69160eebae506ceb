// The mean of the backbone's gradients over all ranks, computed while backward still runs (as torch's
// DistributedDataParallel; Li et al. 2020, VLDB 13(12)). Gradients live in flat buckets, filled in reverse
// parameter order; a bucket whose last gradient has arrived takes all of them in one pass and is all-reduced
// at once, in bucket order on every rank.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "trainer/comm/communicator.hpp"

namespace torch::autograd {
struct Node;
}

namespace facetrain {

// One flat gradient tensor. Gaps between its parameters are zero, so norms and updates may run over all of
// `flat`.
struct GradientBucket {
  at::Tensor flat;  // (n); the .grad of its parameters are views of it, with the parameters' strides
  std::vector<std::size_t> parameters;  // indices into the constructor's list
  std::vector<std::int64_t>
      offsets;  // where each one's gradient starts in flat; its elements in memory order
  bool has_gaps = false;
};

class GradientBuckets {
 public:
  // Of `parameters`, those that require gradients (dense; equal shapes, strides and order on all ranks;
  // already in their final memory format). bucket_bytes: a bucket is closed when the next gradient would
  // exceed it (a single larger one has its own). wire: kFloat sends gradients in their own type, sums and
  // divides by the world; kHalf or kBFloat16 sends half of that, divided by the world before summing as
  // torch's fp16_compress_hook, and widens after. weight_decay: of each parameter; those without lie at the
  // end of their bucket, so that an optimiser finds few ranges to update alike (empty: all are alike).
  GradientBuckets(std::vector<at::Tensor> parameters, Communicator& trainers,
                  std::size_t bucket_bytes = 16u << 20, at::ScalarType wire = at::kFloat,
                  const std::vector<bool>& weight_decay = {});
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  // Forgets the gradients and expects `backwards` backward passes, whose gradients add up (gradient
  // accumulation); the exchange starts during the last one. Until finish() .grad may hold the step's before.
  void begin_step(int backwards = 1);
  // After the last backward: exchanges what has not left yet (parameters without a gradient count as zero)
  // and waits. From then on every parameter's .grad is the mean over ranks, equal bit for bit on all of them.
  void finish();

  std::span<const GradientBucket> buckets() const { return buckets_; }
  std::vector<at::Tensor> flats() const;              // of each bucket
  std::size_t launched() const { return launched_; }  // buckets of this step on their way so far

 private:
  class Arrival;            // the hook before autograd would add a gradient up
  struct Slot {             // one parameter's place
    std::size_t index = 0;  // in the constructor's list
    at::Tensor parameter, gradient;
    std::shared_ptr<torch::autograd::Node> accumulator;  // alive as long as its hook must fire
    Arrival* hook = nullptr;                             // the accumulator's
    std::size_t bucket = 0;
    int missing = 0;       // backward passes that have not delivered yet
    at::Tensor delivered;  // a gradient that is not in the bucket yet
    bool filled = false;   // the bucket has this step's
  };
  struct Flight {
    at::Tensor wire;  // what travels: the bucket's flat memory, or half of it; undefined in a world of one
    Work work;
  };

  void add_bucket(std::span<Slot*> members);
  void arrived(Slot& slot, const at::Tensor& gradient);
  void collect(std::size_t bucket);
  void launch_ready();
  void launch(std::size_t bucket);
  void wait_all();

  Communicator& trainers_;
  at::ScalarType wire_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<GradientBucket> buckets_;
  std::vector<std::vector<Slot*>> members_;         // by bucket
  std::vector<std::size_t> missing_, uncollected_;  // by bucket: deliveries outstanding; not in it yet
  std::vector<Flight> flights_;
  std::size_t launched_ = 0;
};

}  // namespace facetrain
