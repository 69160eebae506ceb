// The inputs that golden tests and the recorders compute alike, so that no input need be stored.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace facetrain::test {

// reference_run.py's formula(): float64 values in [-1, 1) from a 32-bit integer hash of (salt, position).
inline at::Tensor formula(std::uint32_t salt, at::IntArrayRef shape) {
  at::Tensor values = at::empty(shape, at::kDouble);
  double* out = values.mutable_data_ptr<double>();
  for (std::uint32_t i = 0; i < values.numel(); ++i) {
    std::uint32_t x = i * 0x9E3779B1u + salt * 0x85EBCA77u;
    x = (x ^ x >> 15) * 0x2C1B3C6Du;
    x = (x ^ x >> 12) * 0x297A2D39u;
    out[i] = (x ^ x >> 15) / 2147483648.0 - 1.0;
  }
  return values;
}

}  // namespace facetrain::test
