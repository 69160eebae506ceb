#include "dataservice/instructions.hpp"

#ifdef FACETRAIN_HAS_AVX2
#include <cpuid.h>
#endif

namespace facetrain {

Instructions best_instructions() {
#ifdef FACETRAIN_HAS_AVX2
  unsigned a = 0, b = 0, c = 0, d = 0;  // F16C by hand: clang 14 does not know its name
  if (__builtin_cpu_supports("avx2") && __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0)
    return Instructions::kAvx2;
#endif
  return Instructions::kPortable;
}

}  // namespace facetrain
