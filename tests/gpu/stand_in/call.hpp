// What the functions of the stand-in share: their linkage, and the error that CUDA keeps for each thread.
#pragma once

#include <cuda_runtime_api.h>

#include "tests/gpu/stand_in/device.hpp"

#define STAND_IN extern "C" __attribute__((visibility("default")))

namespace facetrain::stand_in {

cudaError_t said(cudaError_t result);  // kept for cudaGetLastError() when it is an error
cudaError_t sound();                   // an error that stays, once the device is broken

constexpr long kSmall = 1 << 20;  // bytes of a fill, or of a copy on the device, that is made

}  // namespace facetrain::stand_in
