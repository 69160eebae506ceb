#include "trainer/head/unit_rows.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/cuda/unit_rows.hpp"
#include "trainer/head/row_passes.hpp"

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kUnitRows = 64;  // of a thread, at least

// Both, on a CPU: rows (N, E) -> results in new tensors; norms (N) float64.
template <typename T>
void to_units(const at::Tensor& rows, const at::Tensor& units, const at::Tensor& norms) {
  const std::int64_t size = rows.size(1);
  const T* row = rows.const_data_ptr<T>();
  T* unit = units.mutable_data_ptr<T>();
  double* norm = norms.mutable_data_ptr<double>();
  at::parallel_for(0, rows.size(0), kUnitRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      norm[i] = to_unit(row + i * size, size, kSmallestRowNorm, unit + i * size);
  });
}

template <typename T>
void unit_gradients(const at::Tensor& units, const at::Tensor& gradients, const at::Tensor& norms,
                    const at::Tensor& results) {
  const std::int64_t size = units.size(1);
  const T *unit = units.const_data_ptr<T>(), *gradient = gradients.const_data_ptr<T>();
  const double* norm = norms.const_data_ptr<double>();
  T* result = results.mutable_data_ptr<T>();
  at::parallel_for(0, units.size(0), kUnitRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      unit_gradient(unit + i * size, gradient + i * size, size, norm[i], kSmallestRowNorm, result + i * size);
  });
}

struct UnitRows : torch::autograd::Function<UnitRows> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, at::ScalarType type) {
    const at::Tensor dense = rows.contiguous();
    if (!dense.is_cpu()) {
      context->save_for_backward({dense});
      return cuda_unit_rows(dense, kSmallestRowNorm, type);
    }
    const at::Tensor units = at::empty_like(dense), norms = at::empty({dense.size(0)}, at::kDouble);
    dense.scalar_type() == at::kDouble ? to_units<double>(dense, units, norms)
                                       : to_units<float>(dense, units, norms);
    context->save_for_backward({units, norms});
    return units.to(type);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor gradient = gradients[0].contiguous();
    if (!gradient.is_cpu())
      return {cuda_unit_rows_gradient(saved[0], gradient, kSmallestRowNorm), at::Tensor()};
    const at::Tensor &units = saved[0], &norms = saved[1], wide = gradient.to(units.scalar_type());
    const at::Tensor result = at::empty_like(units);
    units.scalar_type() == at::kDouble ? unit_gradients<double>(units, wide, norms, result)
                                       : unit_gradients<float>(units, wide, norms, result);
    return {result, at::Tensor()};
  }
};

}  // namespace

at::Tensor unit_rows(const at::Tensor& rows, at::ScalarType type) {
  return UnitRows::apply(rows, type);
}

}  // namespace facetrain
