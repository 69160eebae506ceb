// How many decoding threads a service starts. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace facetrain {

// configured: data.workers, 0 for as many as processors; processors: usable_processors() (common/cpu.hpp).
int pool_size(std::int64_t configured, int processors);

// What to say when the threads are more than the processors they may run on; else "".
std::string pool_size_warning(int threads, int processors);

}  // namespace facetrain
