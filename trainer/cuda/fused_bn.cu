// Channels lie side by side in channels_last memory: a thread has `kWide` neighbouring channels, a block of
// threads some channels and some rows (pixels). Sums go from threads to blocks in float32 and over the blocks
// in float64, in a fixed order.
//
//   z = (x - mean) * scale + bias,  y = (z > 0 ? z : slope * z) + residual,  scale = weight * inverse
//
// The kernels over pixels wait for memory alone, so each thread asks for some rows before it uses the first:
// a multiprocessor needs about 30 KB on their way (an H200: 4.8 TB/s times .8 us, over 132). The second
// kernel of each direction goes through the rows from their end, where the second-level cache still has the
// first's.
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

constexpr int kThreads = 512;  // of a block over pixels
constexpr int kBlocks = 2;     // of them on a multiprocessor at once: a thread may have 64 registers
constexpr int kLanes = 32;     // channels, and threads for each of them, of a block that adds up the parts

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
// rows), as many blocks as the GPU holds at once.
struct Plan {
  dim3 grid, block;
  std::int64_t rows_of_part;
};
int multiprocessors() {
  int device = 0, count = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  check_cuda(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "multiprocessors");
  return count;
}
template <int kWide>
Plan plan_of(const Shape& shape) {
  int lanes = 1;
  while (lanes < kLanes && lanes * kWide < shape.channels) lanes *= 2;
  const std::int64_t at_once = kThreads / lanes;
  const std::int64_t columns = (shape.channels + lanes * kWide - 1) / (lanes * kWide);
  const std::int64_t wanted = std::max<std::int64_t>(1, multiprocessors() * kBlocks / columns);
  const std::int64_t rows = ((shape.rows + wanted - 1) / wanted + at_once - 1) / at_once * at_once;
  const std::int64_t parts = (shape.rows + rows - 1) / rows;
  return {dim3(static_cast<unsigned>(columns), static_cast<unsigned>(parts)),
          dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(at_once)), rows};
}

template <int kWide>
__device__ inline int first_channel() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * kWide;
}

// Rows that a thread asks for at once, of so many pictures: 64 bytes and eight packs, for which there are
// registers.
template <typename T, int kWide, int kPictures>
constexpr int kRowsAhead = std::clamp(64 / (static_cast<int>(sizeof(Pack<T, kWide>)) * kPictures), 1,
                                      8 / kPictures);

enum class From { kBegin, kEnd };

// use(at, load(at)) for this thread's rows of its block's part, `at` the entry of its first channel; kAhead
// rows are loaded before the first of them is used.
template <int kAhead, From kFrom, typename Load, typename Use>
__device__ inline void for_rows(const Shape& shape, std::int64_t rows_of_part, int first, const Load& load,
                                const Use& use) {
  const std::int64_t begin = blockIdx.y * rows_of_part;
  const std::int64_t end = begin + rows_of_part < shape.rows ? begin + rows_of_part : shape.rows;
  int rows = (static_cast<int>(end - begin - threadIdx.y) + static_cast<int>(blockDim.y) - 1) /
             static_cast<int>(blockDim.y);
  const std::int64_t row = kFrom == From::kBegin ? begin + threadIdx.y : end - 1 - threadIdx.y;
  const std::int64_t step =
      static_cast<std::int64_t>(blockDim.y) * (kFrom == From::kBegin ? shape.channels : -shape.channels);
  std::int64_t at = row * shape.channels + first;
  for (; rows >= kAhead; rows -= kAhead, at += kAhead * step) {
    decltype(load(at)) loaded[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) loaded[i] = load(at + i * step);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) use(at + i * step, loaded[i]);
  }
  for (; rows > 0; --rows, at += step) use(at, load(at));
}

// The same channels of two or three pictures; what is not given is not read.
template <typename T, int kWide, int kCount>
struct Packs {
  Pack<T, kWide> of[kCount];
};

// parts[(kind * gridDim.y + blockIdx.y) * channels + channel] := the block's sum of sums[kind][k].
template <int kWide, int kKinds>
__device__ inline void add_over_block(const float (&sums)[kKinds][kWide], const Shape& shape, int first,
                                      float* parts) {
  __shared__ float all[kKinds][kWide][kThreads];
  const unsigned own = threadIdx.y * blockDim.x + threadIdx.x;
  for (int kind = 0; kind < kKinds; ++kind)
    for (int k = 0; k < kWide; ++k) all[kind][k][own] = sums[kind][k];
  __syncthreads();
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) {
#pragma unroll
      for (int kind = 0; kind < kKinds; ++kind)
#pragma unroll
        for (int k = 0; k < kWide; ++k) all[kind][k][own] += all[kind][k][own + half * blockDim.x];
    }
    __syncthreads();
  }
  if (threadIdx.y > 0 || first >= shape.channels) return;
  for (int kind = 0; kind < kKinds; ++kind)
    for (int k = 0; k < kWide; ++k)
      parts[(static_cast<std::int64_t>(kind) * gridDim.y + blockIdx.y) * shape.channels + first + k] =
          all[kind][k][own];
}

// Of one channel, over all rows; in blocks of kLanes channels, a warp for each.
template <int kKinds>
struct ChannelSums {
  int channel;
  double of[kKinds];  // the same on every lane
};
template <int kKinds>
__device__ inline ChannelSums<kKinds> sums_of_parts(const float* parts, int count, int channels) {
  __shared__ double all[kKinds][kLanes][kLanes + 1];  // one more: lanes of a column are in different banks
  double sums[kKinds] = {};
  const int read = static_cast<int>(blockIdx.x * kLanes + threadIdx.x);
  if (read < channels) {
#pragma unroll 4
    for (int part = static_cast<int>(threadIdx.y); part < count; part += kLanes)
#pragma unroll
      for (int kind = 0; kind < kKinds; ++kind)
        sums[kind] +=
            static_cast<double>(parts[(static_cast<std::int64_t>(kind) * count + part) * channels + read]);
  }
#pragma unroll
  for (int kind = 0; kind < kKinds; ++kind) all[kind][threadIdx.y][threadIdx.x] = sums[kind];
  __syncthreads();
  ChannelSums<kKinds> result{static_cast<int>(blockIdx.x * kLanes + threadIdx.y), {}};
#pragma unroll
  for (int kind = 0; kind < kKinds; ++kind) {
    double sum = all[kind][threadIdx.x][threadIdx.y];
    for (int step = kLanes / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    result.of[kind] = sum;
  }
  return result;
}

// Values are taken relative to the first row's: their squares' sum then keeps its digits.
template <typename T, int kWide>
__global__ void __launch_bounds__(kThreads, kBlocks)
    moments_kernel(const T* __restrict__ x, Shape shape, std::int64_t rows_of_part,
                   float* __restrict__ parts) {
  const int first = first_channel<kWide>();
  float sums[2][kWide] = {}, origin[kWide] = {};
  if (first < shape.channels) {
    for (int k = 0; k < kWide; ++k) origin[k] = static_cast<float>(x[first + k]);
    for_rows<kRowsAhead<T, kWide, 1>, From::kBegin>(
        shape, rows_of_part, first, [&](std::int64_t at) { return pack_at<kWide>(x, at); },
        [&](std::int64_t, const Pack<T, kWide>& pack) {
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
  const ChannelSums<2> sums = sums_of_parts<2>(parts, count, shape.channels);
  const int c = sums.channel;
  if (c >= shape.channels || threadIdx.x > 0) return;
  const double rows = static_cast<double>(shape.rows);
  const double moved = sums.of[0] / rows, squares = sums.of[1] / rows - moved * moved;
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
__global__ void __launch_bounds__(kThreads, kBlocks)
    normalise_kernel(const T* __restrict__ x, const T* __restrict__ residual, Shape shape,
                     std::int64_t rows_of_part, Channels channels, T* __restrict__ y) {
  const int first = first_channel<kWide>();
  if (first >= shape.channels) return;
  const OwnChannels<kWide> own(channels, first);
  for_rows<kRowsAhead<T, kWide, 2>, From::kEnd>(
      shape, rows_of_part, first,
      [&](std::int64_t at) {
        Packs<T, kWide, 2> packs;
        packs.of[0] = pack_at<kWide>(x, at);
        if (residual != nullptr) packs.of[1] = pack_at<kWide>(residual, at);
        return packs;
      },
      [&](std::int64_t at, const Packs<T, kWide, 2>& packs) {
        Pack<T, kWide> result;
#pragma unroll
        for (int k = 0; k < kWide; ++k) {
          float z = (static_cast<float>(packs.of[0].values[k]) - own.mean[k]) * own.scale[k] + own.bias[k];
          z = z > 0 ? z : z * own.slope[k];
          if (residual != nullptr) z += static_cast<float>(packs.of[1].values[k]);
          result.values[k] = static_cast<T>(z);
        }
        *reinterpret_cast<Pack<T, kWide>*>(y + at) = result;
      });
}

template <typename T, int kWide>
__global__ void __launch_bounds__(kThreads, kBlocks)
    gradient_sums_kernel(const T* __restrict__ x, const T* __restrict__ gradient, Shape shape,
                         std::int64_t rows_of_part, Channels channels, float* __restrict__ parts) {
  const int first = first_channel<kWide>();
  float sums[3][kWide] = {};
  if (first < shape.channels) {
    const OwnChannels<kWide> own(channels, first);
    for_rows<kRowsAhead<T, kWide, 2>, From::kBegin>(
        shape, rows_of_part, first,
        [&](std::int64_t at) {
          return Packs<T, kWide, 2>{{pack_at<kWide>(x, at), pack_at<kWide>(gradient, at)}};
        },
        [&](std::int64_t, const Packs<T, kWide, 2>& packs) {
#pragma unroll
          for (int k = 0; k < kWide; ++k) {
            const float moved = static_cast<float>(packs.of[0].values[k]) - own.mean[k],
                        g = static_cast<float>(packs.of[1].values[k]);
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
  const ChannelSums<3> sums = sums_of_parts<3>(parts, count, shape.channels);
  const int c = sums.channel;
  if (c >= shape.channels || threadIdx.x > 0) return;
  const double plain = sums.of[0], centred = sums.of[1], leaked = sums.of[2];
  const double inverse = channels.inverse[c],
               by = channels.weight[c] * inverse / static_cast<double>(shape.rows);
  constant[c] = static_cast<float>(by * plain);
  linear[c] = static_cast<float>(by * inverse * inverse * centred);
  weight[c] = static_cast<float>(centred * inverse);
  bias[c] = static_cast<float>(plain);
  if (slope != nullptr) slope[c] = static_cast<float>(leaked);
}

template <typename T, int kWide>
__global__ void __launch_bounds__(kThreads, kBlocks)
    input_gradient_kernel(const T* __restrict__ x, const T* __restrict__ gradient,
                          const T* __restrict__ added, Shape shape, std::int64_t rows_of_part,
                          Channels channels, const float* __restrict__ constant,
                          const float* __restrict__ linear, T* __restrict__ dx) {
  const int first = first_channel<kWide>();
  if (first >= shape.channels) return;
  const OwnChannels<kWide> own(channels, first);
  float constants[kWide], linears[kWide];
  for (int k = 0; k < kWide; ++k) constants[k] = constant[first + k], linears[k] = linear[first + k];
  for_rows<kRowsAhead<T, kWide, 3>, From::kEnd>(
      shape, rows_of_part, first,
      [&](std::int64_t at) {
        Packs<T, kWide, 3> packs;
        packs.of[0] = pack_at<kWide>(x, at);
        packs.of[1] = pack_at<kWide>(gradient, at);
        if (added != nullptr) packs.of[2] = pack_at<kWide>(added, at);
        return packs;
      },
      [&](std::int64_t at, const Packs<T, kWide, 3>& packs) {
        Pack<T, kWide> result;
#pragma unroll
        for (int k = 0; k < kWide; ++k) {
          const float moved = static_cast<float>(packs.of[0].values[k]) - own.mean[k],
                      g = static_cast<float>(packs.of[1].values[k]);
          const float z = moved * own.scale[k] + own.bias[k], passed = z > 0 ? g : g * own.slope[k];
          float whole = own.scale[k] * passed - constants[k] - linears[k] * moved;
          if (added != nullptr) whole += static_cast<float>(packs.of[2].values[k]);
          result.values[k] = static_cast<T>(whole);
        }
        *reinterpret_cast<Pack<T, kWide>*>(dx + at) = result;
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
  if (x.numel() == 0) throw Error(ErrorKind::kInternal, "fused batch normalisation: no pictures");
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

// Whether four neighbouring channels are aligned in all of these pictures (undefined: none).
bool aligned(const at::Tensor& x, const at::Tensor& other) {
  const auto begins = [](const at::Tensor& t) {
    return !t.defined() || reinterpret_cast<std::uintptr_t>(t.const_data_ptr()) % (4 * t.element_size()) == 0;
  };
  return x.size(1) % 4 == 0 && begins(x) && begins(other);
}

// work<T, kWide>() for the tensor's type; `wide`: four channels at a time.
#define FACETRAIN_FOR_TYPE(x, wide, call)                                                     \
  switch ((x).scalar_type()) {                                                                \
    case at::kHalf:                                                                           \
      wide ? call(c10::Half, 4) : call(c10::Half, 1);                                         \
      break;                                                                                  \
    case at::kBFloat16:                                                                       \
      wide ? call(c10::BFloat16, 4) : call(c10::BFloat16, 1);                                 \
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
