// Which vector instructions the pixel code uses: chosen once, at run time, by whoever builds a worker; both
// paths give the same bytes. An AVX2 function is marked FACETRAIN_AVX2 and called only when kAvx2 was chosen,
// so the programs run on any x86-64 (and, with the portable path alone, on any processor).
#pragma once

namespace facetrain {

enum class Instructions {
  kPortable,
  kAvx2,  // AVX2 and F16C
};

// The best that this processor has.
Instructions best_instructions();

}  // namespace facetrain

#if defined(__x86_64__) && defined(__GNUC__)
#define FACETRAIN_HAS_AVX2 1
#define FACETRAIN_AVX2 __attribute__((target("avx2,f16c")))
#define FACETRAIN_INLINE_AVX2 FACETRAIN_AVX2 inline __attribute__((always_inline))
#endif
