// CUDA's errors as ours. For trainer/cuda/ only.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "common/error.hpp"

namespace facetrain {

inline void check_cuda(cudaError_t result, const std::string& what) {
  if (result == cudaSuccess) return;
  (void)cudaGetLastError();  // not left for the next caller
  throw Error(ErrorKind::kInternal, what + " failed: " + cudaGetErrorString(result));
}

}  // namespace facetrain
