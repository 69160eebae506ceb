#include "trainer/step/precision.hpp"

#include <ATen/Context.h>

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

at::ScalarType wire_type(Precision precision, at::Device device) {
  if (device.is_cpu() || !is_half(precision)) return at::kFloat;
  return half_type(precision);
}

bool cpu_multiplies_bf16() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512bf16") != 0;  // every processor with AMX's bf16 has it too
#else
  return false;
#endif
}

std::string precision_note(const std::string& name, at::Device device, bool bf16_cpu) {
  if (!device.is_cpu()) return "";
  if (name == "fp16") return " (fp16 needs a GPU: this CPU run computes in fp32)";
  if (name == "bf16" && !bf16_cpu)
    return " (this CPU has no bf16 instructions, AVX512_BF16 or AMX: bf16 is slower here than fp32)";
  return "";
}

void use_tf32(bool on, at::Device device) {
  if (device.is_cuda()) at::globalContext().setAllowTF32CuBLAS(on);
}

}  // namespace facetrain
