#include "trainer/cuda/scalar_copy.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAStream.h>

#include <utility>

#include "trainer/cuda/check_cuda.hpp"

namespace facetrain {

struct ScalarCopy::State {
  at::Tensor host;
  c10::cuda::CUDAEvent copied{cudaEventDisableTiming | cudaEventBlockingSync};  // a waiting thread sleeps
};

ScalarCopy::ScalarCopy(const at::Tensor& scalar) {
  const at::NoGradGuard no_grad;
  auto state = std::make_shared<State>();
  if (scalar.is_cpu()) {
    state->host = scalar.detach().clone();
  } else {
    state->host = at::empty({}, at::TensorOptions(scalar.scalar_type()).pinned_memory(true));
    // Not view({}): that is its overload for a type.
    state->host.copy_(scalar.detach().reshape({}), /*non_blocking=*/true);
    state->copied.record(c10::cuda::getCurrentCUDAStream(scalar.device().index()));
  }
  state_ = std::move(state);
}

// Of a scalar on the CPU the event was never made.
bool ScalarCopy::arrived() const {
  if (!state_->copied.isCreated()) return true;
  const cudaError_t result = cudaEventQuery(state_->copied.event());
  if (result == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  check_cuda(result, "a training step");
  return true;
}

double ScalarCopy::value() const {
  if (state_->copied.isCreated()) check_cuda(cudaEventSynchronize(state_->copied.event()), "a training step");
  return state_->host.item<double>();
}

}  // namespace facetrain
