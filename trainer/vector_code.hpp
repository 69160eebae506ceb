// Loops that the compiler turns into vector code, for the widest vectors this processor has (AVX2 with FMA;
// else what every x86-64 or any other processor has): one source, chosen at run time. The last digit of a
// result may depend on the processor.
//
// A file that uses it is compiled with -fno-trapping-math (trainer/CMakeLists.txt): comparisons become
// selections, without which such loops stay scalar.
#pragma once

#define FACETRAIN_VECTOR inline __attribute__((always_inline))  // of all that run_vector_code's code calls
#define FACETRAIN_VECTOR_LAMBDA __attribute__((always_inline))

namespace facetrain {

#if defined(__x86_64__) && defined(__GNUC__)
template <typename Code>
__attribute__((target("avx2,fma"))) void run_wide_code(const Code& code) {
  code();
}
// code: a lambda of no arguments, marked FACETRAIN_VECTOR_LAMBDA.
template <typename Code>
void run_vector_code(const Code& code) {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    run_wide_code(code);
  else
    code();
}
#else
template <typename Code>
void run_vector_code(const Code& code) {
  code();
}
#endif

}  // namespace facetrain
