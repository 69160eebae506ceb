// A thread for each row, in float64; one block for the mean.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <string>

#include "trainer/cuda/check_cuda.hpp"
#include "trainer/cuda/head_rows.hpp"
#include "trainer/cuda/kernel_types.cuh"

namespace facetrain {
namespace {

constexpr int kThreads = 128, kMeanThreads = 256;

__device__ inline std::int64_t this_row() {
  return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}

__global__ void columns_kernel(const std::int64_t* labels, std::int64_t rows, std::int64_t first,
                               std::int64_t count, std::int64_t* columns) {
  const std::int64_t row = this_row();
  if (row >= rows) return;
  const std::int64_t local = labels[row] - first;
  columns[row] = local >= 0 && local < count ? local : -1;
}

template <typename V, typename T>
__global__ void true_class_kernel(const V* values, const std::int64_t* columns, std::int64_t rows,
                                  std::int64_t classes, T* target) {
  const std::int64_t row = this_row();
  if (row >= rows) return;
  target[row] = columns[row] < 0 ? T{0} : static_cast<T>(values[row * classes + columns[row]]);
}

template <typename V, typename T>
__global__ void add_kernel(V* values, const std::int64_t* columns, std::int64_t rows, std::int64_t classes,
                           const T* numbers) {
  const std::int64_t row = this_row();
  if (row >= rows || columns[row] < 0) return;
  V& value = values[row * classes + columns[row]];
  value = static_cast<V>(static_cast<T>(value) + static_cast<T>(static_cast<V>(numbers[row])));
}

template <typename T>
__global__ void sums_kernel(const double* others, const T* target, const std::int64_t* columns,
                            std::int64_t rows, double scale, double shift, double* sums,
                            double* exponential) {
  const std::int64_t row = this_row();
  if (row >= rows) return;
  const bool own = columns[row] >= 0;
  const double logit = static_cast<double>(target[row]) * scale, e = exp(logit - shift);
  sums[row] = others[row] + (own ? e : 0.0);
  sums[rows + row] = own ? logit : 0.0;
  exponential[row] = e;
}

// NaN stays NaN.
template <typename T>
__global__ void __launch_bounds__(kMeanThreads)
    mean_kernel(const double* sums, std::int64_t rows, double shift, double largest, T* mean) {
  __shared__ double parts[kMeanThreads];
  double sum = 0;
  for (std::int64_t row = threadIdx.x; row < rows; row += kMeanThreads) {
    const double loss = log(sums[row]) + shift - sums[rows + row];
    sum += loss > largest ? largest : loss;
  }
  parts[threadIdx.x] = sum;
  __syncthreads();
  for (unsigned half = kMeanThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) mean[0] = static_cast<T>(parts[0] / static_cast<double>(rows));
}

template <typename T>
__global__ void gradients_kernel(const T* gradient, const double* sums, const double* exponential,
                                 const std::int64_t* columns, std::int64_t rows, double scale,
                                 double* factors, T* target) {
  const std::int64_t row = this_row();
  if (row >= rows) return;
  const double factor = static_cast<double>(gradient[0]) * (scale / static_cast<double>(rows));
  factors[row] = factor / sums[row];
  target[row] = columns[row] < 0 ? T{0} : static_cast<T>((exponential[row] / sums[row] - 1) * factor);
}

unsigned blocks_for(std::int64_t rows) {
  return static_cast<unsigned>((rows + kThreads - 1) / kThreads);
}

cudaStream_t stream() {
  return c10::cuda::getCurrentCUDAStream();
}

at::Tensor like(const at::Tensor& t, at::IntArrayRef sizes, at::ScalarType type) {
  return at::empty(sizes, t.options().dtype(type).requires_grad(false));
}

[[noreturn]] void unknown_types(at::ScalarType values, at::ScalarType type) {
  throw Error(ErrorKind::kInternal, std::string("a head's rows: no kernel for ") + c10::toString(values) +
                                        " with " + c10::toString(type));
}

// work(V(), T()) for the type of the values and that of what belongs to the true class.
template <typename Work>
void for_types(at::ScalarType values, at::ScalarType type, const Work& work) {
  if (!for_type_pair(values, type, work)) unknown_types(values, type);
}

// work(T()) for float32 and float64.
template <typename Work>
void for_type(at::ScalarType type, const Work& work) {
  for_types(type, type, [&](auto, auto of) { work(of); });
}

}  // namespace

bool has_cuda_head_rows() {
  return true;
}

at::Tensor cuda_local_columns(const at::Tensor& labels, std::int64_t first, std::int64_t count) {
  const std::int64_t rows = labels.numel();
  at::Tensor columns = like(labels, labels.sizes(), at::kLong);
  if (rows == 0) return columns;
  columns_kernel<<<blocks_for(rows), kThreads, 0, stream()>>>(
      labels.const_data_ptr<std::int64_t>(), rows, first, count, columns.mutable_data_ptr<std::int64_t>());
  check_cuda(cudaGetLastError(), "columns of labels");
  return columns;
}

at::Tensor cuda_true_class_values(const at::Tensor& values, const at::Tensor& columns, at::ScalarType type) {
  const std::int64_t rows = values.size(0);
  at::Tensor target = like(values, {rows, 1}, type);
  if (rows == 0) return target;
  for_types(values.scalar_type(), type, [&](auto of_values, auto of_target) {
    using V = decltype(of_values);
    using T = decltype(of_target);
    true_class_kernel<V, T><<<blocks_for(rows), kThreads, 0, stream()>>>(
        values.const_data_ptr<V>(), columns.const_data_ptr<std::int64_t>(), rows, values.size(1),
        target.mutable_data_ptr<T>());
  });
  check_cuda(cudaGetLastError(), "true class's values");
  return target;
}

void cuda_add_to_true_class(const at::Tensor& values, const at::Tensor& columns, const at::Tensor& numbers) {
  const std::int64_t rows = values.size(0);
  if (values.numel() == 0) return;
  for_types(values.scalar_type(), numbers.scalar_type(), [&](auto of_values, auto of_target) {
    using V = decltype(of_values);
    using T = decltype(of_target);
    add_kernel<V, T><<<blocks_for(rows), kThreads, 0, stream()>>>(
        values.mutable_data_ptr<V>(), columns.const_data_ptr<std::int64_t>(), rows, values.size(1),
        numbers.const_data_ptr<T>());
  });
  check_cuda(cudaGetLastError(), "true class's gradient");
}

RowSums cuda_row_sums(const at::Tensor& others, const at::Tensor& target, const at::Tensor& columns,
                      const LogitRule& rule) {
  const std::int64_t rows = others.size(0);
  RowSums result{like(others, {2, rows}, at::kDouble), like(others, {rows}, at::kDouble)};
  if (rows == 0) return result;
  for_type(target.scalar_type(), [&](auto of_target) {
    using T = decltype(of_target);
    sums_kernel<T><<<blocks_for(rows), kThreads, 0, stream()>>>(
        others.const_data_ptr<double>(), target.const_data_ptr<T>(), columns.const_data_ptr<std::int64_t>(),
        rows, rule.scale, rule.shift, result.sums.mutable_data_ptr<double>(),
        result.exponential.mutable_data_ptr<double>());
  });
  check_cuda(cudaGetLastError(), "row sums");
  return result;
}

at::Tensor cuda_mean_loss(const at::Tensor& sums, double shift, double largest, at::ScalarType type) {
  at::Tensor mean = like(sums, {}, type);
  for_type(type, [&](auto of_mean) {
    using T = decltype(of_mean);
    mean_kernel<T><<<1, kMeanThreads, 0, stream()>>>(sums.const_data_ptr<double>(), sums.size(1), shift,
                                                     largest, mean.mutable_data_ptr<T>());
  });
  check_cuda(cudaGetLastError(), "mean loss");
  return mean;
}

RowGradients cuda_row_gradients(const at::Tensor& gradient, const RowSums& of, const at::Tensor& columns,
                                double scale, at::ScalarType type) {
  const std::int64_t rows = columns.size(0);
  RowGradients result{like(of.sums, {rows}, at::kDouble), like(of.sums, {rows, 1}, type)};
  if (rows == 0) return result;
  if (gradient.scalar_type() != type) unknown_types(gradient.scalar_type(), type);
  for_type(type, [&](auto of_target) {
    using T = decltype(of_target);
    gradients_kernel<T><<<blocks_for(rows), kThreads, 0, stream()>>>(
        gradient.const_data_ptr<T>(), of.sums.const_data_ptr<double>(),
        of.exponential.const_data_ptr<double>(), columns.const_data_ptr<std::int64_t>(), rows, scale,
        result.factors.mutable_data_ptr<double>(), result.target.mutable_data_ptr<T>());
  });
  check_cuda(cudaGetLastError(), "row gradients");
  return result;
}

}  // namespace facetrain
