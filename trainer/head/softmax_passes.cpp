#include "trainer/head/softmax_passes.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>

#include "trainer/cuda/fused_softmax.hpp"
#include "trainer/head/libtorch_softmax.hpp"
#include "trainer/head/row_passes.hpp"

namespace facetrain {
namespace {

constexpr std::int64_t kSoftmaxRows = 4;  // of a thread, at least

bool has_row_passes(const at::Tensor& values) {
  return values.is_cpu() && (values.scalar_type() == at::kFloat || values.scalar_type() == at::kDouble);
}

// work(row, column, first, count) for the columns before and after each row's true class.
template <typename Work>
void for_other_columns(const at::Tensor& values, const at::Tensor& columns, const Work& work) {
  const std::int64_t classes = values.size(1);
  const std::int64_t* column = columns.const_data_ptr<std::int64_t>();
  at::parallel_for(0, values.size(0), kSoftmaxRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t owned = column[row];
      work(row, 0, owned < 0 ? classes : owned);
      if (owned >= 0) work(row, owned + 1, classes - owned - 1);
    }
  });
}

template <typename T>
at::Tensor sums_of(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule) {
  at::Tensor sums = at::zeros({values.size(0)}, at::kDouble);
  const T* from = values.const_data_ptr<T>();
  double* sum = sums.mutable_data_ptr<double>();
  for_other_columns(values, columns, [&](std::int64_t row, std::int64_t first, std::int64_t count) {
    sum[row] += exponential_sum(from + row * values.size(1) + first, count, rule);
  });
  return sums;
}

template <typename T>
void write_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                    const at::Tensor& factors) {
  T* to = values.mutable_data_ptr<T>();
  const double* factor = factors.const_data_ptr<double>();
  for_other_columns(values, columns, [&](std::int64_t row, std::int64_t first, std::int64_t count) {
    T* start = to + row * values.size(1) + first;
    exponential_gradient(start, count, rule, factor[row]);
    if (first > 0) start[-1] = 0;  // the true class, which lies before its second part
  });
}

}  // namespace

at::Tensor softmax_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule) {
  if (values.is_cuda()) return cuda_softmax_sums(values, columns, rule);
  if (!has_row_passes(values)) return libtorch_softmax_sums(values, columns, rule);
  return values.scalar_type() == at::kFloat ? sums_of<float>(values, columns, rule)
                                            : sums_of<double>(values, columns, rule);
}

void softmax_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                      const at::Tensor& factors) {
  if (values.is_cuda()) return cuda_softmax_gradient(values, columns, rule, factors);
  if (!has_row_passes(values)) return libtorch_softmax_gradient(values, columns, rule, factors);
  if (values.scalar_type() == at::kFloat)
    write_gradient<float>(values, columns, rule, factors);
  else
    write_gradient<double>(values, columns, rule, factors);
}

}  // namespace facetrain
