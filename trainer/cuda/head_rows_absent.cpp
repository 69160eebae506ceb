// head_rows.hpp without nvcc.
#include "common/error.hpp"
#include "trainer/cuda/head_rows.hpp"

namespace facetrain {
namespace {

[[noreturn]] void no_row_kernels() {
  throw Error(ErrorKind::kInternal, "a head's rows: this build has no GPU kernels (no nvcc)");
}

}  // namespace

bool has_cuda_head_rows() {
  return false;
}
at::Tensor cuda_local_columns(const at::Tensor&, std::int64_t, std::int64_t) {
  no_row_kernels();
}
at::Tensor cuda_true_class_values(const at::Tensor&, const at::Tensor&, at::ScalarType) {
  no_row_kernels();
}
void cuda_add_to_true_class(const at::Tensor&, const at::Tensor&, const at::Tensor&) {
  no_row_kernels();
}
RowSums cuda_row_sums(const at::Tensor&, const at::Tensor&, const at::Tensor&, const LogitRule&) {
  no_row_kernels();
}
at::Tensor cuda_mean_loss(const at::Tensor&, double, double, at::ScalarType) {
  no_row_kernels();
}
RowGradients cuda_row_gradients(const at::Tensor&, const RowSums&, const at::Tensor&, double,
                                at::ScalarType) {
  no_row_kernels();
}

}  // namespace facetrain
