// Channels lie side by side in channels_last memory: a thread has `kWide` neighbouring channels (16 bytes
// where the number of channels allows), a block of threads some channels and some rows (pixels). Sums go from
// threads to blocks in float32 and over the blocks in float64, in a fixed order.
//
//   z = (x - mean) * scale + bias,  y = (z > 0 ? z : slope * z) + residual,  scale = weight * inverse
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "trainer/cuda/check_cuda.hpp"
#include "trainer/cuda/fused_bn.hpp"
#include "trainer/cuda/kernel_types.hpp"

namespace facetrain {
namespace {

constexpr int kThreads = 256;  // of a block over pixels
constexpr int kLanes = 32;     // channels, and threads for each of them, of a block that adds up the parts
constexpr std::int64_t kBlocks = 1024;  // that sum, about: some for each multiprocessor

struct Shape {
  std::int64_t rows;
  int channels;
};

// One number for each channel; slope may be null.
struct Channels {
  const float *mean, *inverse, *weight, *bias, *slope;
};

// What one thread knows of its channels.
template <int kWide>
struct OwnChannels {
  float mean[kWide], scale[kWide], bias[kWide], slope[kWide];
  __device__ OwnChannels(const Channels& of, int first) {
#pragma unroll
    for (int k = 0; k < kWide; ++k) {
      mean[k] = of.mean[first + k];
      scale[k] = of.weight[first + k] * of.inverse[first + k];
      bias[k] = of.bias[first + k];
      slope[k] = of.slope == nullptr ? 1.0f : of.slope[first + k];
    }
  }
};

// How a grid covers the pixels: block (lanes, rows at once), grid (channels / lanes / kWide, parts of the
// rows).
struct Plan {
  dim3 grid, block;
  std::int64_t rows_of_part;
};
template <int kWide>
Plan plan_of(const Shape& shape) {
  int lanes = 1;
  while (lanes < kLanes && lanes * kWide < shape.channels) lanes *= 2;
  const int at_once = kThreads / lanes;
  const std::int64_t columns = (shape.channels + lanes * kWide - 1) / (lanes * kWide);
  const std::int64_t wanted = std::max<std::int64_t>(1, kBlocks / columns);
  const std::int64_t rows = std::max<std::int64_t>(at_once, (shape.rows + wanted - 1) / wanted);
  const std::int64_t parts = (shape.rows + rows - 1) / rows;
  return {dim3(static_cast<unsigned>(columns), static_cast<unsigned>(parts)),
          dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(at_once)), rows};
}

template <int kWide>
__device__ inline int first_channel() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * kWide;
}

// row(r) for this thread's rows of its block's part.
template <typename Row>
__device__ inline void for_rows(const Shape& shape, std::int64_t rows_of_part, const Row& row) {
  const std::int64_t begin = blockIdx.y * rows_of_part;
  const std::int64_t end = begin + rows_of_part < shape.rows ? begin + rows_of_part : shape.rows;
  for (std::int64_t r = begin + threadIdx.y; r < end; r += blockDim.y) row(r);
}

// parts[(kind * gridDim.y + blockIdx.y) * channels + channel] := the block's sum of sums[kind][k].
template <int kWide, int kKinds>
__device__ inline void add_over_block(float (&sums)[kKinds][kWide], const Shape& shape, int first,
                                      float* parts) {
  __shared__ float all[kThreads][kWide];
  float(&own)[kWide] = all[threadIdx.y * blockDim.x + threadIdx.x];
  for (int kind = 0; kind < kKinds; ++kind) {
#pragma unroll
    for (int k = 0; k < kWide; ++k) own[k] = sums[kind][k];
    __syncthreads();
    for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
      if (threadIdx.y < half) {
#pragma unroll
        for (int k = 0; k < kWide; ++k) own[k] += all[(threadIdx.y + half) * blockDim.x + threadIdx.x][k];
      }
      __syncthreads();
    }
    if (threadIdx.y == 0 && first < shape.channels) {
#pragma unroll
      for (int k = 0; k < kWide; ++k)
        parts[(static_cast<std::int64_t>(kind) * gridDim.y + blockIdx.y) * shape.channels + first + k] =
            own[k];
    }
    __syncthreads();
  }
}

// For the channel of the thread's x, in blocks of kLanes channels times kLanes threads: the parts' sum, where
// threadIdx.y is 0. All threads of the block call it.
__device__ inline double sum_of_parts(const float* parts, int kind, int count, int channels, int channel) {
  __shared__ double all[kLanes][kLanes];
  double sum = 0;
  if (channel < channels)
    for (int part = static_cast<int>(threadIdx.y); part < count; part += kLanes)
      sum +=
          static_cast<double>(parts[(static_cast<std::int64_t>(kind) * count + part) * channels + channel]);
  all[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0)
    for (int lane = 1; lane < kLanes; ++lane) sum += all[lane][threadIdx.x];
  __syncthreads();
  return sum;
}

// Values are taken relative to the first row's: their squares' sum then keeps its digits.
template <typename T, int kWide>
__global__ void moments_kernel(const T* x, Shape shape, std::int64_t rows_of_part, float* parts) {
  const int first = first_channel<kWide>();
  float sums[2][kWide] = {}, origin[kWide] = {};
  if (first < shape.channels) {
    for (int k = 0; k < kWide; ++k) origin[k] = static_cast<float>(x[first + k]);
    for_rows(shape, rows_of_part, [&](std::int64_t r) {
      const auto pack = *reinterpret_cast<const Pack<T, kWide>*>(x + r * shape.channels + first);
#pragma unroll
      for (int k = 0; k < kWide; ++k) {
        const float moved = static_cast<float>(pack.values[k]) - origin[k];
        sums[0][k] += moved;
        sums[1][k] += moved * moved;
      }
    });
  }
  add_over_block<kWide>(sums, shape, first, parts);
}

struct Running {
  float *mean, *variance;  // both null: none
  double momentum;
};

template <typename T>
__global__ void __launch_bounds__(kLanes* kLanes)
    finish_moments_kernel(const T* x, const float* parts, int count, Shape shape, double eps, Running running,
                          float* mean, float* inverse) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const double rows = static_cast<double>(shape.rows);
  const double moved = sum_of_parts(parts, 0, count, shape.channels, c) / rows;
  const double squares = sum_of_parts(parts, 1, count, shape.channels, c) / rows - moved * moved;
  if (c >= shape.channels || threadIdx.y > 0) return;
  const double variance = squares < 0 ? 0 : squares,
               middle = static_cast<double>(static_cast<float>(x[c])) + moved;
  mean[c] = static_cast<float>(middle);
  inverse[c] = static_cast<float>(1 / sqrt(variance + eps));
  if (running.mean == nullptr) return;
  const double keep = 1 - running.momentum;
  running.mean[c] = static_cast<float>(keep * running.mean[c] + running.momentum * middle);
  running.variance[c] =
      static_cast<float>(keep * running.variance[c] + running.momentum * variance * (rows / (rows - 1)));
}

template <typename T, int kWide>
__global__ void normalise_kernel(const T* x, const T* residual, Shape shape, std::int64_t rows_of_part,
                                 Channels channels, T* y) {
  const int first = first_channel<kWide>();
  if (first >= shape.channels) return;
  const OwnChannels<kWide> own(channels, first);
  for_rows(shape, rows_of_part, [&](std::int64_t r) {
    const std::int64_t at = r * shape.channels + first;
    auto pack = *reinterpret_cast<const Pack<T, kWide>*>(x + at);
    Pack<T, kWide> more;
    if (residual != nullptr) more = *reinterpret_cast<const Pack<T, kWide>*>(residual + at);
#pragma unroll
    for (int k = 0; k < kWide; ++k) {
      float z = (static_cast<float>(pack.values[k]) - own.mean[k]) * own.scale[k] + own.bias[k];
      z = z > 0 ? z : z * own.slope[k];
      if (residual != nullptr) z += static_cast<float>(more.values[k]);
      pack.values[k] = static_cast<T>(z);
    }
    *reinterpret_cast<Pack<T, kWide>*>(y + at) = pack;
  });
}

template <typename T, int kWide>
__global__ void gradient_sums_kernel(const T* x, const T* gradient, Shape shape, std::int64_t rows_of_part,
                                     Channels channels, float* parts) {
  const int first = first_channel<kWide>();
  float sums[3][kWide] = {};
  if (first < shape.channels) {
    const OwnChannels<kWide> own(channels, first);
    for_rows(shape, rows_of_part, [&](std::int64_t r) {
      const std::int64_t at = r * shape.channels + first;
      const auto pack = *reinterpret_cast<const Pack<T, kWide>*>(x + at);
      const auto dy = *reinterpret_cast<const Pack<T, kWide>*>(gradient + at);
#pragma unroll
      for (int k = 0; k < kWide; ++k) {
        const float moved = static_cast<float>(pack.values[k]) - own.mean[k],
                    g = static_cast<float>(dy.values[k]);
        const float z = moved * own.scale[k] + own.bias[k], passed = z > 0 ? g : g * own.slope[k];
        sums[0][k] += passed;
        sums[1][k] += passed * moved;
        sums[2][k] += z > 0 ? 0.0f : g * z;
      }
    });
  }
  add_over_block<kWide>(sums, shape, first, parts);
}

// Into constant and linear what the input's gradient takes off: constant + linear * (x - mean).
__global__ void __launch_bounds__(kLanes* kLanes)
    finish_gradient_kernel(const float* parts, int count, Shape shape, Channels channels, float* constant,
                           float* linear, float* weight, float* bias, float* slope) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const double plain = sum_of_parts(parts, 0, count, shape.channels, c);
  const double centred = sum_of_parts(parts, 1, count, shape.channels, c);
  const double leaked = sum_of_parts(parts, 2, count, shape.channels, c);
  if (c >= shape.channels || threadIdx.y > 0) return;
  const double inverse = channels.inverse[c],
               by = channels.weight[c] * inverse / static_cast<double>(shape.rows);
  constant[c] = static_cast<float>(by * plain);
  linear[c] = static_cast<float>(by * inverse * inverse * centred);
  weight[c] = static_cast<float>(centred * inverse);
  bias[c] = static_cast<float>(plain);
  if (slope != nullptr) slope[c] = static_cast<float>(leaked);
}

template <typename T, int kWide>
__global__ void input_gradient_kernel(const T* x, const T* gradient, const T* added, Shape shape,
                                      std::int64_t rows_of_part, Channels channels, const float* constant,
                                      const float* linear, T* dx) {
  const int first = first_channel<kWide>();
  if (first >= shape.channels) return;
  const OwnChannels<kWide> own(channels, first);
  float constants[kWide], linears[kWide];
  for (int k = 0; k < kWide; ++k) constants[k] = constant[first + k], linears[k] = linear[first + k];
  for_rows(shape, rows_of_part, [&](std::int64_t r) {
    const std::int64_t at = r * shape.channels + first;
    auto pack = *reinterpret_cast<const Pack<T, kWide>*>(x + at);
    const auto dy = *reinterpret_cast<const Pack<T, kWide>*>(gradient + at);
    Pack<T, kWide> more;
    if (added != nullptr) more = *reinterpret_cast<const Pack<T, kWide>*>(added + at);
#pragma unroll
    for (int k = 0; k < kWide; ++k) {
      const float moved = static_cast<float>(pack.values[k]) - own.mean[k],
                  g = static_cast<float>(dy.values[k]);
      const float z = moved * own.scale[k] + own.bias[k], passed = z > 0 ? g : g * own.slope[k];
      float dx = own.scale[k] * passed - constants[k] - linears[k] * moved;
      if (added != nullptr) dx += static_cast<float>(more.values[k]);
      pack.values[k] = static_cast<T>(dx);
    }
    *reinterpret_cast<Pack<T, kWide>*>(dx + at) = pack;
  });
}

unsigned blocks_for(int channels) {
  return static_cast<unsigned>((channels + kLanes - 1) / kLanes);
}

at::Tensor floats(const at::Tensor& like, std::int64_t count) {
  return at::empty({count}, like.options().dtype(at::kFloat).memory_format(at::MemoryFormat::Contiguous));
}

const float* numbers(const at::Tensor& t) {
  return t.defined() ? t.const_data_ptr<float>() : nullptr;
}

Shape shape_of(const at::Tensor& x) {
  return {x.size(0) * x.size(2) * x.size(3), static_cast<int>(x.size(1))};
}

template <typename T, int kWide>
void forward(const at::Tensor& x, const Channels& channels, const at::Tensor& residual,
             const Running& running, double eps, const CudaNorm& result) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const Shape shape = shape_of(x);
  const Plan plan = plan_of<kWide>(shape);
  const at::Tensor parts = floats(x, std::int64_t{2} * plan.grid.y * shape.channels);
  const T* from = x.const_data_ptr<T>();
  moments_kernel<T, kWide>
      <<<plan.grid, plan.block, 0, stream>>>(from, shape, plan.rows_of_part, parts.mutable_data_ptr<float>());
  finish_moments_kernel<T><<<blocks_for(shape.channels), dim3(kLanes, kLanes), 0, stream>>>(
      from, parts.const_data_ptr<float>(), static_cast<int>(plan.grid.y), shape, eps, running,
      result.mean.mutable_data_ptr<float>(), result.inverse.mutable_data_ptr<float>());
  normalise_kernel<T, kWide><<<plan.grid, plan.block, 0, stream>>>(
      from, residual.defined() ? residual.const_data_ptr<T>() : nullptr, shape, plan.rows_of_part, channels,
      result.y.mutable_data_ptr<T>());
  check_cuda(cudaGetLastError(), "fused batch normalisation");
}

template <typename T, int kWide>
void backward(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& added,
              const Channels& channels, const CudaNormGradient& result) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const Shape shape = shape_of(x);
  const Plan plan = plan_of<kWide>(shape);
  const at::Tensor parts = floats(x, std::int64_t{3} * plan.grid.y * shape.channels);
  const at::Tensor constant = floats(x, shape.channels), linear = floats(x, shape.channels);
  const T *from = x.const_data_ptr<T>(), *dy = gradient.const_data_ptr<T>();
  gradient_sums_kernel<T, kWide><<<plan.grid, plan.block, 0, stream>>>(
      from, dy, shape, plan.rows_of_part, channels, parts.mutable_data_ptr<float>());
  finish_gradient_kernel<<<blocks_for(shape.channels), dim3(kLanes, kLanes), 0, stream>>>(
      parts.const_data_ptr<float>(), static_cast<int>(plan.grid.y), shape, channels,
      constant.mutable_data_ptr<float>(), linear.mutable_data_ptr<float>(),
      result.weight.mutable_data_ptr<float>(), result.bias.mutable_data_ptr<float>(),
      result.slope.defined() ? result.slope.mutable_data_ptr<float>() : nullptr);
  input_gradient_kernel<T, kWide><<<plan.grid, plan.block, 0, stream>>>(
      from, dy, added.defined() ? added.const_data_ptr<T>() : nullptr, shape, plan.rows_of_part, channels,
      constant.const_data_ptr<float>(), linear.const_data_ptr<float>(), result.x.mutable_data_ptr<T>());
  check_cuda(cudaGetLastError(), "fused batch normalisation's gradient");
}

// Whether 16 bytes of neighbouring channels are aligned in all of these pictures (undefined: none).
bool aligned(const at::Tensor& x, const at::Tensor& other) {
  const auto begins = [](const at::Tensor& t) {
    return !t.defined() || reinterpret_cast<std::uintptr_t>(t.const_data_ptr()) % 16 == 0;
  };
  return x.size(1) * x.element_size() % 16 == 0 && begins(x) && begins(other);
}

// work<T, kWide>() for the tensor's type; `wide`: 16 bytes at a time.
#define FACETRAIN_FOR_TYPE(x, wide, call)                                                     \
  switch ((x).scalar_type()) {                                                                \
    case at::kHalf:                                                                           \
      wide ? call(c10::Half, 8) : call(c10::Half, 1);                                         \
      break;                                                                                  \
    case at::kBFloat16:                                                                       \
      wide ? call(c10::BFloat16, 8) : call(c10::BFloat16, 1);                                 \
      break;                                                                                  \
    case at::kFloat:                                                                          \
      wide ? call(float, 4) : call(float, 1);                                                 \
      break;                                                                                  \
    default:                                                                                  \
      throw Error(ErrorKind::kInternal,                                                       \
                  std::string("fused batch normalisation: no kernel for pictures of type ") + \
                      c10::toString((x).scalar_type()));                                      \
  }

}  // namespace

bool has_cuda_norm() {
  return true;
}

CudaNorm cuda_norm_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& slope, const at::Tensor& residual,
                           const at::Tensor& running_mean, const at::Tensor& running_var, double momentum,
                           double eps) {
  const CudaNorm result{at::empty_like(x, at::MemoryFormat::ChannelsLast), floats(x, x.size(1)),
                        floats(x, x.size(1))};
  const Channels channels{numbers(result.mean), numbers(result.inverse), numbers(weight), numbers(bias),
                          numbers(slope)};
  Running running{nullptr, nullptr, momentum};
  if (running_mean.defined())
    running = {running_mean.mutable_data_ptr<float>(), running_var.mutable_data_ptr<float>(), momentum};
#define FACETRAIN_FORWARD(T, kWide) forward<T, kWide>(x, channels, residual, running, eps, result)
  FACETRAIN_FOR_TYPE(x, aligned(x, residual), FACETRAIN_FORWARD)
#undef FACETRAIN_FORWARD
  return result;
}

CudaNormGradient cuda_norm_backward(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& added,
                                    const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& slope,
                                    const at::Tensor& mean, const at::Tensor& inverse) {
  const CudaNormGradient result{at::empty_like(x, at::MemoryFormat::ChannelsLast), floats(x, x.size(1)),
                                floats(x, x.size(1)), slope.defined() ? floats(x, x.size(1)) : at::Tensor()};
  const Channels channels{numbers(mean), numbers(inverse), numbers(weight), numbers(bias), numbers(slope)};
#define FACETRAIN_BACKWARD(T, kWide) backward<T, kWide>(x, gradient, added, channels, result)
  FACETRAIN_FOR_TYPE(x, aligned(x, gradient) && aligned(x, added), FACETRAIN_BACKWARD)
#undef FACETRAIN_BACKWARD
  return result;
}

}  // namespace facetrain
