// fused_bn.hpp without nvcc.
#include "common/error.hpp"
#include "trainer/cuda/fused_bn.hpp"

namespace facetrain {
namespace {

[[noreturn]] void absent() {
  throw Error(ErrorKind::kInternal, "fused batch normalisation: this build has no GPU kernels (no nvcc)");
}

}  // namespace

bool has_cuda_norm() {
  return false;
}
CudaNorm cuda_norm_forward(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                           const at::Tensor&, const at::Tensor&, const at::Tensor&, double, double) {
  absent();
}
CudaNormGradient cuda_norm_backward(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                    const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                    const at::Tensor&, const at::Tensor&) {
  absent();
}

}  // namespace facetrain
