// unit_rows.hpp without nvcc.
#include "trainer/cuda/unit_rows.hpp"

#include <ATen/ATen.h>

namespace facetrain {

at::Tensor cuda_unit_rows(const at::Tensor& rows, double smallest, at::ScalarType type) {
  return (rows / rows.norm(2, {1}, true).clamp_min_(smallest)).to(type);
}

at::Tensor cuda_unit_rows_gradient(const at::Tensor& rows, const at::Tensor& gradient, double smallest) {
  const at::Tensor norms = rows.norm(2, {1}, true), least = norms.clamp_min(smallest);
  const at::Tensor units = rows / least, wide = gradient.to(rows.scalar_type());
  const at::Tensor large = norms.lt(smallest).logical_not_().to(rows.scalar_type());
  const at::Tensor along = (wide * units).sum(1, true).mul_(large);
  return at::addcmul(wide, units, along, -1).div_(least);
}

}  // namespace facetrain
