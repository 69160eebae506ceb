// How fast a communicator moves a bucket of gradients.
#pragma once

#include <cstdint>

#include "trainer/comm/communicator.hpp"

namespace facetrain::bench {

// Seconds of one all-reduce of `bytes` (float32), the best of five rounds of `times`. Collective.
double all_reduce_seconds(Communicator& trainers, at::Device device, std::int64_t bytes, int times);

// Bytes per second as nccl-tests counts busbw: 2 (n - 1) / n bytes over the time of one all-reduce.
double bus_bandwidth(Communicator& trainers, at::Device device, std::int64_t bytes, int times);

}  // namespace facetrain::bench
