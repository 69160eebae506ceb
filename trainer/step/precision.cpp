#include "trainer/step/precision.hpp"

#include "common/error.hpp"

namespace facetrain {
namespace {

bool is_half(Precision precision) {
  return precision == Precision::kFp16 || precision == Precision::kBf16;
}

at::ScalarType half_type(Precision precision) {
  return precision == Precision::kFp16 ? at::kHalf : at::kBFloat16;
}

}  // namespace

Precision precision_of(const std::string& name, at::Device device) {
  if (name == "fp16") return device.is_cpu() ? Precision::kFp32 : Precision::kFp16;
  if (name == "bf16") return Precision::kBf16;
  if (name == "fp32") return Precision::kFp32;
  if (name == "fp64") return Precision::kFp64;
  throw Error(ErrorKind::kConfig, "train.precision: unknown \"" + name + "\"; known: fp16, bf16, fp32, fp64");
}

at::ScalarType parameter_type(Precision precision) {
  return precision == Precision::kFp64 ? at::kDouble : at::kFloat;
}

at::ScalarType linear_type(Precision precision, at::Device device) {
  return is_half(precision) && !device.is_cpu() ? half_type(precision) : parameter_type(precision);
}

}  // namespace facetrain
