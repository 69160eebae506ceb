// What kernels share: packs of neighbouring numbers, and the choice of a kernel by number types.
// For .cu files only.
#pragma once

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstdint>

namespace facetrain {

// kWide neighbouring numbers, read and written at once; they must begin at a multiple of its size.
template <typename T, int kWide>
struct alignas(sizeof(T) * kWide) Pack {
  T values[kWide];
};

template <int kWide, typename T>
__device__ inline Pack<T, kWide> pack_at(const T* numbers, std::int64_t at) {
  return *reinterpret_cast<const Pack<T, kWide>*>(numbers + at);
}

// work(T()) where T is float16, bfloat16 or float32; false for others.
template <typename Work>
bool for_float_type(at::ScalarType t, const Work& work) {
  if (t == at::kHalf)
    work(c10::Half{});
  else if (t == at::kBFloat16)
    work(c10::BFloat16{});
  else if (t == at::kFloat)
    work(float{});
  else
    return false;
  return true;
}

// work(V(), T()) where T is float32, and V float16, bfloat16 or float32, or both are float64; false for
// others.
template <typename Work>
bool for_type_pair(at::ScalarType v, at::ScalarType t, const Work& work) {
  if (v == at::kDouble && t == at::kDouble)
    work(double{}, double{});
  else
    return t == at::kFloat && for_float_type(v, [&](auto type) { work(type, float{}); });
  return true;
}

}  // namespace facetrain
