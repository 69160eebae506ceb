#include "trainer/head/true_class.hpp"

#include <ATen/ATen.h>

namespace facetrain {

TrueClass::TrueClass(const at::Tensor& labels)
    : owned_(labels.ge(0).unsqueeze(1)), column_(labels.clamp_min(0).unsqueeze(1)) {}

at::Tensor TrueClass::mask(std::int64_t columns) const {
  const at::Tensor none = at::zeros({owned_.size(0), columns}, owned_.options());
  return columns == 0 ? none : none.scatter(1, column_, owned_);
}

at::Tensor TrueClass::of(const at::Tensor& values) const {
  const at::Tensor none = at::zeros(owned_.sizes(), values.options());
  return values.size(1) == 0 ? none : at::where(owned_, values.gather(1, column_), none);
}

at::Tensor TrueClass::added(const at::Tensor& values, const at::Tensor& change) const {
  if (values.size(1) == 0) return values;
  return values.scatter_add(1, column_, at::where(owned_, change, at::zeros_like(change)));
}

at::Tensor sine_of(const at::Tensor& cosine) {
  const at::Tensor square = 1 - cosine.square();
  const at::Tensor positive = square.gt(0);
  return at::where(positive, at::where(positive, square, at::ones_like(square)).sqrt(),
                   at::zeros_like(square));
}

}  // namespace facetrain
