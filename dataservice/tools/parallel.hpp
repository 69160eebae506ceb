// A loop over all processors of the affinity mask.
#pragma once

#include <cstdint>
#include <functional>

namespace facetrain {

// work(thread, i) for i in 0..n-1, in no fixed order; thread is 0..parallel_threads()-1, for scratch memory.
// The first error is thrown here, after the threads have stopped.
void in_parallel(std::uint64_t n, const std::function<void(unsigned thread, std::uint64_t i)>& work);

unsigned parallel_threads();

}  // namespace facetrain
