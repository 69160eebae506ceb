// A block of threads for each row of logits.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <string>

#include "trainer/cuda/check_cuda.hpp"
#include "trainer/cuda/fused_softmax.hpp"
#include "trainer/cuda/kernel_types.cuh"

namespace facetrain {
namespace {

constexpr int kThreads = 256, kWarp = 32;

template <typename T>
struct Wide {
  using type = float;
};
template <>
struct Wide<double> {
  using type = double;
};

__device__ inline float lowest(float) {
  return -87.0f;
}
__device__ inline double lowest(double) {
  return -700.0;
}
__device__ inline float exponential(float x) {
  return __expf(x);
}
__device__ inline double exponential(double x) {
  return exp(x);
}

template <typename W>
struct Rule {
  W scale, bound, shift;
};
template <typename W>
Rule<W> rule_of(const LogitRule& rule) {
  return {static_cast<W>(rule.scale), static_cast<W>(rule.bound), static_cast<W>(rule.shift)};
}

// exp(logit - shift). NaN stays NaN (fmax would lose it).
template <typename W>
__device__ inline W exponential_of(W x, const Rule<W>& rule) {
  const W held = x < -rule.bound ? -rule.bound : (x > rule.bound ? rule.bound : x);
  const W logit = held * rule.scale - rule.shift;
  return exponential(logit < lowest(logit) ? lowest(logit) : logit);
}

// Numbers of a row in 16 bytes.
template <typename T>
constexpr int kInPack = 16 / static_cast<int>(sizeof(T));

// one(index, value) for every entry of the row, which may change it: by 16 bytes where they are aligned.
template <typename T, bool kWrites, typename One>
__device__ inline void for_row(T* row, std::int64_t count, const One& one) {
  constexpr int kSize = kInPack<T>;
  const std::int64_t offset =
      static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(row) / sizeof(T)) % kSize;
  const std::int64_t head = offset == 0 ? 0 : (kSize - offset < count ? kSize - offset : count);
  const std::int64_t packs = (count - head) / kSize, tail = head + packs * kSize;
  for (std::int64_t i = threadIdx.x; i < head; i += kThreads) one(i, row[i]);
  Pack<T, kSize>* aligned = reinterpret_cast<Pack<T, kSize>*>(row + head);
  for (std::int64_t p = threadIdx.x; p < packs; p += kThreads) {
    Pack<T, kSize> pack = aligned[p];
#pragma unroll
    for (int k = 0; k < kSize; ++k) one(head + p * kSize + k, pack.values[k]);
    if (kWrites) aligned[p] = pack;
  }
  for (std::int64_t i = tail + threadIdx.x; i < count; i += kThreads) one(i, row[i]);
}

template <typename T>
__global__ void sums_kernel(const T* values, const std::int64_t* columns, std::int64_t classes,
                            Rule<typename Wide<T>::type> rule, double* sums) {
  using W = typename Wide<T>::type;
  const std::int64_t row = blockIdx.x, column = columns[row];
  W part = 0;
  for_row<T, false>(const_cast<T*>(values) + row * classes, classes, [&](std::int64_t i, T& value) {
    const W e = exponential_of(static_cast<W>(value), rule);
    part += i == column ? W{0} : e;
  });
  // A thread adds up some hundred values in W; threads are added up in double, in a fixed order.
  __shared__ double warps[kThreads / kWarp];
  double sum = static_cast<double>(part);
  for (int step = kWarp / 2; step > 0; step /= 2) sum += __shfl_down_sync(0xffffffffu, sum, step);
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    double all = 0;
    for (const double one : warps) all += one;
    sums[row] = all;
  }
}

template <typename T>
__global__ void gradient_kernel(T* values, const std::int64_t* columns, std::int64_t classes,
                                Rule<typename Wide<T>::type> rule, const double* factors) {
  using W = typename Wide<T>::type;
  const std::int64_t row = blockIdx.x, column = columns[row];
  const W factor = static_cast<W>(factors[row]);
  for_row<T, true>(values + row * classes, classes, [&](std::int64_t i, T& value) {
    const W x = static_cast<W>(value);
    const bool none = x < -rule.bound || x > rule.bound || i == column;
    value = static_cast<T>(none ? W{0} : exponential_of(x, rule) * factor);
  });
}

template <typename T>
void launch_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                 const at::Tensor& sums) {
  using W = typename Wide<T>::type;
  sums_kernel<T><<<static_cast<unsigned>(values.size(0)), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
      values.const_data_ptr<T>(), columns.const_data_ptr<std::int64_t>(), values.size(1), rule_of<W>(rule),
      sums.mutable_data_ptr<double>());
  check_cuda(cudaGetLastError(), "softmax sums");
}

template <typename T>
void launch_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                     const at::Tensor& factors) {
  using W = typename Wide<T>::type;
  gradient_kernel<T>
      <<<static_cast<unsigned>(values.size(0)), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
          values.mutable_data_ptr<T>(), columns.const_data_ptr<std::int64_t>(), values.size(1),
          rule_of<W>(rule), factors.const_data_ptr<double>());
  check_cuda(cudaGetLastError(), "softmax gradient");
}

// work(T()) for logits of type T.
template <typename Work>
void for_logits(const at::Tensor& values, const Work& work) {
  const at::ScalarType type = values.scalar_type();
  if (type == at::kDouble) return work(double{});
  if (for_float_type(type, work)) return;
  throw Error(ErrorKind::kInternal,
              std::string("fused softmax: no kernel for logits of type ") + c10::toString(type));
}

}  // namespace

at::Tensor cuda_softmax_sums(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule) {
  at::Tensor sums = at::empty({values.size(0)}, values.options().dtype(at::kDouble).requires_grad(false));
  if (values.size(0) == 0) return sums;
  for_logits(values, [&](auto type) { launch_sums<decltype(type)>(values, columns, rule, sums); });
  return sums;
}

void cuda_softmax_gradient(const at::Tensor& values, const at::Tensor& columns, const LogitRule& rule,
                           const at::Tensor& factors) {
  if (values.numel() == 0) return;
  for_logits(values, [&](auto type) { launch_gradient<decltype(type)>(values, columns, rule, factors); });
}

}  // namespace facetrain
