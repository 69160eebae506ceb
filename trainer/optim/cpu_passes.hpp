// What a step does with flat memory on the CPU, each in one pass over it by all threads. (On a GPU LibTorch's
// own fused kernels do the same; on the CPU its fused SGD knows no clip factor but a float32 divisor, and
// writes every gradient back.)
#pragma once

#include <ATen/core/Tensor.h>

namespace facetrain {

// The sum of the squares of a dense CPU tensor, float32 or float64, in float64: exact enough for any size,
// and the same for any number of threads.
double sum_of_squares(const at::Tensor& values);

// How the gradients g of a range change its values p and velocities v, with the rounding of torch's fused
// SGD:
//   g' = (g * unscale) * clip + weight_decay * p;  v = momentum * v + g';  p = p - lr * v.
struct SgdPass {
  double lr = 0, momentum = 0, weight_decay = 0;
  double unscale = 1, clip = 1;
};

// Dense CPU tensors of one type (float32 or float64) and layout. velocities: undefined with momentum 0, where
// v is g'. The gradients stay as they are.
void sgd_pass(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& velocities,
              const SgdPass& pass);

}  // namespace facetrain
