// Where a trainer's batches come from: the ring that its node's data service fills, as tensors on the
// trainer's device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "common/ipc/ring_consumer.hpp"

namespace facetrain {

struct InputBatch {
  at::Tensor images;               // (B, 3, H, W), channels-last, valid until the next call of next()
  at::Tensor labels;               // (B) int64, on the CPU, likewise
  std::vector<std::int64_t> ids;   // (B) index in the sorted list
  std::uint32_t epoch = 0;         // 0-based
  std::uint64_t step = 0;          // in the epoch, 0-based
  double waited = 0;               // seconds this call waited for the service
  std::uint32_t ready = 0;         // batches that the service had ready when this one was taken
  std::uint64_t bad_pictures = 0;  // replaced so far by this node's service
};

class BatchInput {
 public:
  virtual ~BatchInput() = default;
  // The next batch, in the plan's order; gives the one before back. Throws Error(kInternal) at the service's
  // death.
  virtual InputBatch next() = 0;
  // All steps are done: tells the service.
  virtual void finish() = 0;
};

// Batches in place, in the ring's memory; `type` kDouble widens them (proofs), anything else leaves them as
// they came.
std::unique_ptr<BatchInput> make_cpu_input(RingConsumer ring, at::ScalarType type);

// Batches on `device`: the ring's memory is registered with CUDA once, the next batch is copied on a side
// stream while the current one is computed. batches: how many will be taken in all. Throws Error(kInternal)
// in a CPU-only build.
std::unique_ptr<BatchInput> make_gpu_input(RingConsumer ring, at::Device device, std::uint64_t batches);

// The slot's pictures as a tensor over the ring's memory, no copy: (B, 3, H, W) with channels-last strides.
at::Tensor images_in_place(const RingBatch& batch, const RingLayout& layout);

}  // namespace facetrain
