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

// work(V(), T()) where T is float32, and V float16, bfloat16 or float32, or both are float64; false for
// others.
template <typename Work>
bool for_type_pair(at::ScalarType v, at::ScalarType t, const Work& work) {
  if (v == at::kDouble && t == at::kDouble)
    work(double{}, double{});
  else if (t != at::kFloat)
    return false;
  else if (v == at::kHalf)
    work(c10::Half{}, float{});
  else if (v == at::kBFloat16)
    work(c10::BFloat16{}, float{});
  else if (v == at::kFloat)
    work(float{}, float{});
  else
    return false;
  return true;
}

}  // namespace facetrain
