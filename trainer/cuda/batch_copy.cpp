#include "trainer/cuda/batch_copy.hpp"

#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "trainer/cuda/check_cuda.hpp"

namespace facetrain {

HostRegistration::HostRegistration(void* base, std::size_t bytes) : base_(base) {
  check_cuda(cudaHostRegister(base, bytes, cudaHostRegisterDefault),
             "cudaHostRegister of the ring (" + std::to_string(bytes >> 20) + " MiB)");
}

HostRegistration::~HostRegistration() {
  if (base_ != nullptr) cudaHostUnregister(base_);
}

struct SlotCopy::State {
  std::vector<at::Tensor> tensors;
  c10::cuda::CUDAEvent copied{cudaEventDisableTiming | cudaEventBlockingSync};  // a waiting thread sleeps
};

bool SlotCopy::slot_free() const {
  const cudaError_t result = cudaEventQuery(state_->copied.event());
  if (result == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  check_cuda(result, "copying a batch to the GPU");
  return true;
}

void SlotCopy::wait_slot_free() const {
  check_cuda(cudaEventSynchronize(state_->copied.event()), "copying a batch to the GPU");
}

const std::vector<at::Tensor>& SlotCopy::tensors() const {
  if (state_->tensors.empty()) return state_->tensors;
  const auto current = c10::cuda::getCurrentCUDAStream(state_->tensors.front().device().index());
  state_->copied.block(current);
  for (const at::Tensor& t : state_->tensors) t.record_stream(current);
  return state_->tensors;
}

struct SlotCopier::Stream {
  c10::cuda::CUDAStream stream;
};

SlotCopier::SlotCopier(at::Device device)
    : stream_(std::make_shared<Stream>(Stream{c10::cuda::getStreamFromPool(false, device.index())})) {}

SlotCopy SlotCopier::copy(const std::vector<at::Tensor>& slot) const {
  // Allocated under the side stream too: memory that a computation still reads is not handed out before its
  // time.
  const c10::cuda::CUDAStreamGuard guard(stream_->stream);
  auto state = std::make_shared<SlotCopy::State>();
  for (const at::Tensor& t : slot) {
    state->tensors.push_back(
        t.to(stream_->stream.device(), t.scalar_type(), /*non_blocking=*/true, /*copy=*/true));
  }
  state->copied.record(stream_->stream);
  return SlotCopy(std::move(state));
}

}  // namespace facetrain
