// Batch normalisation, PReLU and a residual addition: two passes over the pictures each way.
//
//   z = (x - mean) * scale + bias,  y = (z > 0 ? z : slope * z) + residual,  scale = weight * inverse
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "trainer/cuda/channel_pass.cuh"
#include "trainer/cuda/check_cuda.hpp"
#include "trainer/cuda/fused_bn.hpp"
#include "trainer/cuda/kernel_types.cuh"

namespace facetrain {
namespace {

constexpr int kForwardTurns = 1, kBackwardTurns = 3;  // gradients travel while backward computes

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

// Values are taken relative to a row's in the middle: their squares' sum then keeps its digits.
template <typename T, int kWide>
__global__ void __launch_bounds__(kPassThreads, kPassBlocks)
    moments_kernel(const T* __restrict__ x, PassShape shape, std::int64_t rows_of_part,
                   float* __restrict__ parts) {
  const int first = first_channel<kWide>();
  float sums[2][kWide] = {}, origin[kWide] = {};
  if (first < shape.channels) {
    for (int k = 0; k < kWide; ++k)
      origin[k] = static_cast<float>(x[shape.middle * shape.channels + first + k]);
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
__global__ void __launch_bounds__(kPassLanes* kPassLanes)
    finish_moments_kernel(const T* x, const float* parts, int count, PassShape shape, double eps,
                          Running running, float* mean, float* inverse) {
  const ChannelSums<2> sums = sums_of_parts<2>(parts, count, shape.channels);
  const int c = sums.channel;
  if (c >= shape.channels || threadIdx.x > 0) return;
  const double rows = static_cast<double>(shape.rows);
  const double moved = sums.of[0] / rows, squares = sums.of[1] / rows - moved * moved;
  const double variance = squares < 0 ? 0 : squares,
               middle = static_cast<double>(static_cast<float>(x[shape.middle * shape.channels + c])) + moved;
  mean[c] = static_cast<float>(middle);
  inverse[c] = static_cast<float>(1 / sqrt(variance + eps));
  if (running.mean == nullptr) return;
  const double keep = 1 - running.momentum;
  running.mean[c] = static_cast<float>(keep * running.mean[c] + running.momentum * middle);
  running.variance[c] =
      static_cast<float>(keep * running.variance[c] + running.momentum * variance * (rows / (rows - 1)));
}

template <typename T, int kWide, bool kResidual>
__global__ void __launch_bounds__(kPassThreads, kPassBlocks)
    normalise_kernel(const T* __restrict__ x, const T* __restrict__ residual, PassShape shape,
                     std::int64_t rows_of_part, Channels channels, T* __restrict__ y) {
  const int first = first_channel<kWide>();
  if (first >= shape.channels) return;
  const OwnChannels<kWide> own(channels, first);
  constexpr int kRead = kResidual ? 2 : 1;
  for_rows<kRowsAhead<T, kWide, kRead>, From::kEnd>(
      shape, rows_of_part, first,
      [&](std::int64_t at) {
        Packs<T, kWide, kRead> packs;
        packs.of[0] = pack_at<kWide>(x, at);
        if constexpr (kResidual) packs.of[1] = pack_at<kWide>(residual, at);
        return packs;
      },
      [&](std::int64_t at, const Packs<T, kWide, kRead>& packs) {
        Pack<T, kWide> result;
#pragma unroll
        for (int k = 0; k < kWide; ++k) {
          float z = (static_cast<float>(packs.of[0].values[k]) - own.mean[k]) * own.scale[k] + own.bias[k];
          z = z > 0 ? z : z * own.slope[k];
          if constexpr (kResidual) z += static_cast<float>(packs.of[1].values[k]);
          result.values[k] = static_cast<T>(z);
        }
        *reinterpret_cast<Pack<T, kWide>*>(y + at) = result;
      });
}

template <typename T, int kWide>
__global__ void __launch_bounds__(kPassThreads, kPassBlocks)
    gradient_sums_kernel(const T* __restrict__ x, const T* __restrict__ gradient, PassShape shape,
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
__global__ void __launch_bounds__(kPassLanes* kPassLanes)
    finish_gradient_kernel(const float* parts, int count, PassShape shape, Channels channels, float* constant,
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

template <typename T, int kWide, bool kAdded>
__global__ void __launch_bounds__(kPassThreads, kPassBlocks)
    input_gradient_kernel(const T* __restrict__ x, const T* __restrict__ gradient,
                          const T* __restrict__ added, PassShape shape, std::int64_t rows_of_part,
                          Channels channels, const float* __restrict__ constant,
                          const float* __restrict__ linear, T* __restrict__ dx) {
  const int first = first_channel<kWide>();
  if (first >= shape.channels) return;
  const OwnChannels<kWide> own(channels, first);
  float constants[kWide], linears[kWide];
  for (int k = 0; k < kWide; ++k) constants[k] = constant[first + k], linears[k] = linear[first + k];
  constexpr int kRead = kAdded ? 3 : 2;
  for_rows<kRowsAhead<T, kWide, kRead>, From::kEnd>(
      shape, rows_of_part, first,
      [&](std::int64_t at) {
        Packs<T, kWide, kRead> packs;
        packs.of[0] = pack_at<kWide>(x, at);
        packs.of[1] = pack_at<kWide>(gradient, at);
        if constexpr (kAdded) packs.of[2] = pack_at<kWide>(added, at);
        return packs;
      },
      [&](std::int64_t at, const Packs<T, kWide, kRead>& packs) {
        Pack<T, kWide> result;
#pragma unroll
        for (int k = 0; k < kWide; ++k) {
          const float moved = static_cast<float>(packs.of[0].values[k]) - own.mean[k],
                      g = static_cast<float>(packs.of[1].values[k]);
          const float z = moved * own.scale[k] + own.bias[k], passed = z > 0 ? g : g * own.slope[k];
          float whole = own.scale[k] * passed - constants[k] - linears[k] * moved;
          if constexpr (kAdded) whole += static_cast<float>(packs.of[2].values[k]);
          result.values[k] = static_cast<T>(whole);
        }
        *reinterpret_cast<Pack<T, kWide>*>(dx + at) = result;
      });
}

at::Tensor floats(const at::Tensor& like, std::int64_t count) {
  return at::empty({count}, like.options().dtype(at::kFloat).memory_format(at::MemoryFormat::Contiguous));
}

const float* numbers(const at::Tensor& t) {
  return t.defined() ? t.const_data_ptr<float>() : nullptr;
}

PassShape shape_of(const at::Tensor& x) {
  if (x.numel() == 0) throw Error(ErrorKind::kInternal, "fused batch normalisation: no pictures");
  const std::int64_t height = x.size(2), width = x.size(3);
  return {x.size(0) * height * width, static_cast<int>(x.size(1)), height / 2 * width + width / 2};
}

template <typename T, int kWide>
void forward(const at::Tensor& x, const Channels& channels, const at::Tensor& residual,
             const Running& running, double eps, const CudaNorm& result) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const PassShape shape = shape_of(x);
  const PassPlan plan = plan_pass<kWide>(shape, kForwardTurns);
  const at::Tensor parts = floats(x, std::int64_t{2} * plan.grid.y * shape.channels);
  const T* from = x.const_data_ptr<T>();
  moments_kernel<T, kWide>
      <<<plan.grid, plan.block, 0, stream>>>(from, shape, plan.rows_of_part, parts.mutable_data_ptr<float>());
  finish_moments_kernel<T><<<blocks_for(shape.channels), dim3(kPassLanes, kPassLanes), 0, stream>>>(
      from, parts.const_data_ptr<float>(), static_cast<int>(plan.grid.y), shape, eps, running,
      result.mean.mutable_data_ptr<float>(), result.inverse.mutable_data_ptr<float>());
  const auto normalise =
      residual.defined() ? normalise_kernel<T, kWide, true> : normalise_kernel<T, kWide, false>;
  normalise<<<plan.grid, plan.block, 0, stream>>>(
      from, residual.defined() ? residual.const_data_ptr<T>() : nullptr, shape, plan.rows_of_part, channels,
      result.y.mutable_data_ptr<T>());
  check_cuda(cudaGetLastError(), "fused batch normalisation");
}

template <typename T, int kWide>
void backward(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& added,
              const Channels& channels, const CudaNormGradient& result) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const PassShape shape = shape_of(x);
  const PassPlan plan = plan_pass<kWide>(shape, kBackwardTurns);
  const at::Tensor parts = floats(x, std::int64_t{3} * plan.grid.y * shape.channels);
  const at::Tensor constant = floats(x, shape.channels), linear = floats(x, shape.channels);
  const T *from = x.const_data_ptr<T>(), *dy = gradient.const_data_ptr<T>();
  gradient_sums_kernel<T, kWide><<<plan.grid, plan.block, 0, stream>>>(
      from, dy, shape, plan.rows_of_part, channels, parts.mutable_data_ptr<float>());
  finish_gradient_kernel<<<blocks_for(shape.channels), dim3(kPassLanes, kPassLanes), 0, stream>>>(
      parts.const_data_ptr<float>(), static_cast<int>(plan.grid.y), shape, channels,
      constant.mutable_data_ptr<float>(), linear.mutable_data_ptr<float>(),
      result.weight.mutable_data_ptr<float>(), result.bias.mutable_data_ptr<float>(),
      result.slope.defined() ? result.slope.mutable_data_ptr<float>() : nullptr);
  const auto input_gradient =
      added.defined() ? input_gradient_kernel<T, kWide, true> : input_gradient_kernel<T, kWide, false>;
  input_gradient<<<plan.grid, plan.block, 0, stream>>>(
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

// work(T(), width) for pictures of type T; width.value channels at a time.
template <typename Work>
void for_pictures(const at::Tensor& x, bool wide, const Work& work) {
  const bool known = for_float_type(x.scalar_type(), [&](auto type) {
    wide ? work(type, std::integral_constant<int, 4>()) : work(type, std::integral_constant<int, 1>());
  });
  if (!known)
    throw Error(ErrorKind::kInternal,
                std::string("fused batch normalisation: no kernel for pictures of type ") +
                    c10::toString(x.scalar_type()));
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
  for_pictures(x, aligned(x, residual), [&](auto type, auto width) {
    forward<decltype(type), width.value>(x, channels, residual, running, eps, result);
  });
  return result;
}

CudaNormGradient cuda_norm_backward(const at::Tensor& x, const at::Tensor& gradient, const at::Tensor& added,
                                    const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& slope,
                                    const at::Tensor& mean, const at::Tensor& inverse) {
  const CudaNormGradient result{at::empty_like(x, at::MemoryFormat::ChannelsLast), floats(x, x.size(1)),
                                floats(x, x.size(1)), slope.defined() ? floats(x, x.size(1)) : at::Tensor()};
  const Channels channels{numbers(mean), numbers(inverse), numbers(weight), numbers(bias), numbers(slope)};
  for_pictures(x, aligned(x, gradient) && aligned(x, added), [&](auto type, auto width) {
    backward<decltype(type), width.value>(x, gradient, added, channels, result);
  });
  return result;
}

}  // namespace facetrain
