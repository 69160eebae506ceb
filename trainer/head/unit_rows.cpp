#include "trainer/head/unit_rows.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/head/row_passes.hpp"

namespace facetrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kUnitRows = 64;  // of a thread, at least

// Both: rows (N, E) -> results in new tensors; norms (N) float64 on a CPU, (N, 1) in the rows' type
// elsewhere.
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
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows) {
    at::Tensor units, norms;
    if (rows.is_cpu()) {
      units = at::empty_like(rows, at::MemoryFormat::Contiguous);
      norms = at::empty({rows.size(0)}, at::kDouble);
      const at::Tensor dense = rows.contiguous();
      rows.scalar_type() == at::kDouble ? to_units<double>(dense, units, norms)
                                        : to_units<float>(dense, units, norms);
    } else {
      norms = rows.norm(2, {1}, true);
      units = rows / norms.clamp_min(kSmallestRowNorm);
    }
    context->save_for_backward({units, norms});
    return units;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &units = saved[0], &norms = saved[1], gradient = gradients[0].contiguous();
    if (!units.is_cpu()) {
      const at::Tensor large = norms.ge(kSmallestRowNorm).to(units.scalar_type());
      const at::Tensor along = (gradient * units).sum(1, true).mul_(large);
      return {at::addcmul(gradient, units, along, -1).div_(norms.clamp_min(kSmallestRowNorm))};
    }
    const at::Tensor result = at::empty_like(units);
    units.scalar_type() == at::kDouble ? unit_gradients<double>(units, gradient, norms, result)
                                       : unit_gradients<float>(units, gradient, norms, result);
    return {result};
  }
};

}  // namespace

at::Tensor unit_rows(const at::Tensor& rows) {
  return UnitRows::apply(rows);
}

}  // namespace facetrain
