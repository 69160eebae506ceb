// What a device reaches in one large matrix product: the roof that a step is held against.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace facetrain {

struct MatmulRate {
  double flops = 0;     // per second, the best of a few
  std::string product;  // "a 2048 x 2048 matrix product in Float, measured"
};

// Measured now with the threads that ATen uses; takes a tenth of a second or two.
MatmulRate measure_matmul(at::Device device, at::ScalarType type);

}  // namespace facetrain
