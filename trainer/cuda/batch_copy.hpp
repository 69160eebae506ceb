// From the ring's host memory to the GPU, beside the computation: the ring's pages are registered with CUDA
// once, and each slot is copied on a stream of its own while the previous batch is still being computed.
//
//   HostRegistration pinned(ring.data(), ring.size());    // once
//   SlotCopier copier(device);
//   SlotCopy next = copier.copy({pixels_in_slot, labels_in_slot});
//   ... compute the current batch ...
//   next.wait_slot_free(); give the slot back;             // or poll next.slot_free()
//   const auto& batch = next.tensors();                    // work on the current stream from here on sees
//   the data
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace facetrain {

// Page-locks [base, base + bytes) for CUDA as long as it lives (cudaHostRegister). The mapping must outlive
// it. Throws Error(kInternal) with CUDA's reason, and in a CPU-only build.
class HostRegistration {
 public:
  HostRegistration(void* base, std::size_t bytes);
  ~HostRegistration();
  HostRegistration(HostRegistration&& other) noexcept : base_(std::exchange(other.base_, nullptr)) {}
  HostRegistration& operator=(HostRegistration&& other) noexcept {
    std::swap(base_, other.base_);
    return *this;
  }

 private:
  void* base_ = nullptr;
};

// One slot's copy under way.
class SlotCopy {
 public:
  struct State;
  explicit SlotCopy(std::shared_ptr<State> state) : state_(std::move(state)) {}

  // Whether the copy is complete: only then may the slot be given back.
  bool slot_free() const;
  // Blocks the calling thread until it is, without spinning. Throws Error(kInternal) when the copy failed.
  void wait_slot_free() const;
  // The copies on the device, ordered before whatever the current stream does next. Does not block the CPU.
  // Their memory is kept from reuse until the current stream is done with them, so they may be dropped at any
  // time.
  const std::vector<at::Tensor>& tensors() const;

 private:
  std::shared_ptr<State> state_;
};

class SlotCopier {
 public:
  // With a side stream of its own on `device`. Throws Error(kInternal) in a CPU-only build.
  explicit SlotCopier(at::Device device);

  // Begins to copy CPU tensors (views of the slot, dense, in registered memory) to the device; shapes,
  // strides and types are kept.
  SlotCopy copy(const std::vector<at::Tensor>& slot) const;

 private:
  struct Stream;
  std::shared_ptr<const Stream> stream_;
};

}  // namespace facetrain
