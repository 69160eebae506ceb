// A warp for each row: a row of 512 float32 numbers is 2 KB, which stays in the first cache between its two
// passes.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <string>

#include "trainer/cuda/check_cuda.hpp"
#include "trainer/cuda/kernel_types.cuh"
#include "trainer/cuda/unit_rows.hpp"

namespace facetrain {
namespace {

constexpr int kWarp = 32, kRows = 8;  // rows, a warp each, of a block

// one(i) for this lane's packs of a row: entries [i, i + kWide).
template <int kWide, typename One>
__device__ inline void for_packs(std::int64_t size, const One& one) {
  for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * kWide; i < size; i += kWarp * kWide) one(i);
}

// The warp's sum, in a fixed order, on every lane.
template <typename R>
__device__ inline R sum_over_warp(R sum) {
  for (int step = kWarp / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  return sum;
}

// NaN stays NaN.
template <typename R>
__device__ inline R at_least(R norm, R smallest) {
  return norm < smallest ? smallest : norm;
}

template <typename R, typename U, int kWide>
__global__ void __launch_bounds__(kWarp* kRows)
    unit_rows_kernel(const R* rows, std::int64_t count, std::int64_t size, R smallest, U* units) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRows + threadIdx.y;
  if (row >= count) return;  // its whole warp
  const R* from = rows + row * size;
  U* to = units + row * size;
  R squares = 0;
  for_packs<kWide>(size, [&](std::int64_t i) {
    const auto values = pack_at<kWide>(from, i);
#pragma unroll
    for (int k = 0; k < kWide; ++k) squares += values.values[k] * values.values[k];
  });
  const R inverse = 1 / at_least(static_cast<R>(sqrt(sum_over_warp(squares))), smallest);
  for_packs<kWide>(size, [&](std::int64_t i) {
    const auto values = pack_at<kWide>(from, i);
    Pack<U, kWide> unit;
#pragma unroll
    for (int k = 0; k < kWide; ++k) unit.values[k] = static_cast<U>(values.values[k] * inverse);
    *reinterpret_cast<Pack<U, kWide>*>(to + i) = unit;
  });
}

// With u = row / norm: (gradient - u (gradient . u)) / norm, and gradient / smallest below `smallest`.
template <typename R, typename U, int kWide>
__global__ void __launch_bounds__(kWarp* kRows)
    unit_rows_gradient_kernel(const R* rows, const U* gradients, std::int64_t count, std::int64_t size,
                              R smallest, R* results) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRows + threadIdx.y;
  if (row >= count) return;  // its whole warp
  const R* from = rows + row * size;
  const U* gradient = gradients + row * size;
  R* to = results + row * size;
  R squares = 0, product = 0;
  for_packs<kWide>(size, [&](std::int64_t i) {
    const auto values = pack_at<kWide>(from, i);
    const auto change = pack_at<kWide>(gradient, i);
#pragma unroll
    for (int k = 0; k < kWide; ++k) {
      squares += values.values[k] * values.values[k];
      product += values.values[k] * static_cast<R>(change.values[k]);
    }
  });
  const R norm = static_cast<R>(sqrt(sum_over_warp(squares))), inverse = 1 / at_least(norm, smallest);
  product = sum_over_warp(product);
  const R along = norm < smallest ? R{0} : product * inverse * inverse;
  for_packs<kWide>(size, [&](std::int64_t i) {
    const auto values = pack_at<kWide>(from, i);
    const auto change = pack_at<kWide>(gradient, i);
    Pack<R, kWide> result;
#pragma unroll
    for (int k = 0; k < kWide; ++k)
      result.values[k] = (static_cast<R>(change.values[k]) - values.values[k] * along) * inverse;
    *reinterpret_cast<Pack<R, kWide>*>(to + i) = result;
  });
}

struct Rows {
  std::int64_t count, size;
  unsigned blocks;
  bool wide;  // rows of packs of four
};
Rows shape_of(const at::Tensor& rows, const void* others) {
  const auto aligned = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 32 == 0; };
  const std::int64_t count = rows.size(0), size = rows.size(1);
  return {count, size, static_cast<unsigned>((count + kRows - 1) / kRows),
          size % 4 == 0 && aligned(rows.const_data_ptr()) && aligned(others)};
}

template <typename R, typename U>
void launch_rows(const at::Tensor& rows, R smallest, const at::Tensor& units) {
  const Rows shape = shape_of(rows, units.const_data_ptr());
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const dim3 block(kWarp, kRows);
  const R* from = rows.const_data_ptr<R>();
  U* to = units.mutable_data_ptr<U>();
  if (shape.wide)
    unit_rows_kernel<R, U, 4>
        <<<shape.blocks, block, 0, stream>>>(from, shape.count, shape.size, smallest, to);
  else
    unit_rows_kernel<R, U, 1>
        <<<shape.blocks, block, 0, stream>>>(from, shape.count, shape.size, smallest, to);
  check_cuda(cudaGetLastError(), "unit rows");
}

template <typename R, typename U>
void launch_gradient(const at::Tensor& rows, const at::Tensor& gradient, R smallest,
                     const at::Tensor& result) {
  const Rows shape = shape_of(rows, gradient.const_data_ptr());
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const dim3 block(kWarp, kRows);
  const R* from = rows.const_data_ptr<R>();
  const U* change = gradient.const_data_ptr<U>();
  R* to = result.mutable_data_ptr<R>();
  if (shape.wide)
    unit_rows_gradient_kernel<R, U, 4>
        <<<shape.blocks, block, 0, stream>>>(from, change, shape.count, shape.size, smallest, to);
  else
    unit_rows_gradient_kernel<R, U, 1>
        <<<shape.blocks, block, 0, stream>>>(from, change, shape.count, shape.size, smallest, to);
  check_cuda(cudaGetLastError(), "unit rows' gradient");
}

[[noreturn]] void unknown_types(const at::Tensor& rows, at::ScalarType type) {
  throw Error(ErrorKind::kInternal, std::string("unit rows: no kernel from ") +
                                        c10::toString(rows.scalar_type()) + " to " + c10::toString(type));
}

}  // namespace

at::Tensor cuda_unit_rows(const at::Tensor& rows, double smallest, at::ScalarType type) {
  const at::Tensor units = at::empty(rows.sizes(), rows.options().dtype(type).requires_grad(false));
  if (rows.numel() == 0) return units;
  const auto launch = [&](auto of_units, auto of_rows) {
    using R = decltype(of_rows);
    launch_rows<R, decltype(of_units)>(rows, static_cast<R>(smallest), units);
  };
  if (!for_type_pair(type, rows.scalar_type(), launch)) unknown_types(rows, type);
  return units;
}

at::Tensor cuda_unit_rows_gradient(const at::Tensor& rows, const at::Tensor& gradient, double smallest) {
  const at::Tensor result = at::empty(rows.sizes(), rows.options().requires_grad(false));
  if (rows.numel() == 0) return result;
  const at::ScalarType type = gradient.scalar_type();
  const auto launch = [&](auto of_gradient, auto of_rows) {
    using R = decltype(of_rows);
    launch_gradient<R, decltype(of_gradient)>(rows, gradient, static_cast<R>(smallest), result);
  };
  if (!for_type_pair(type, rows.scalar_type(), launch)) unknown_types(rows, type);
  return result;
}

}  // namespace facetrain
