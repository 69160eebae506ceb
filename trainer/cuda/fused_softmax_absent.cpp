// fused_softmax.hpp without nvcc.
#include "trainer/cuda/fused_softmax.hpp"
#include "trainer/head/libtorch_softmax.hpp"

namespace facetrain {

at::Tensor cuda_softmax_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule) {
  return libtorch_softmax_sums(values, columns, rule);
}
void cuda_softmax_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                           const at::Tensor& factors) {
  libtorch_softmax_gradient(values, columns, rule, factors);
}

}  // namespace facetrain
