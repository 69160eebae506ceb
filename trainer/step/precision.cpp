#include "trainer/step/precision.hpp"

namespace facetrain {
namespace {

bool is_half(Precision precision) {
  return precision == Precision::kFp16 || precision == Precision::kBf16;
}

at::ScalarType half_type(Precision precision) {
  return precision == Precision::kFp16 ? at::kHalf : at::kBFloat16;
}

}  // namespace

at::ScalarType parameter_type(Precision precision) {
  return precision == Precision::kFp64 ? at::kDouble : at::kFloat;
}

at::ScalarType linear_type(Precision precision, at::Device device) {
  return is_half(precision) && !device.is_cpu() ? half_type(precision) : parameter_type(precision);
}

}  // namespace facetrain
