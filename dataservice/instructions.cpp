#include "dataservice/instructions.hpp"

namespace facetrain {

Instructions best_instructions() {
#ifdef FACETRAIN_HAS_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) return Instructions::kAvx2;
#endif
  return Instructions::kPortable;
}

}  // namespace facetrain
