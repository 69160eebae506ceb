// Batch normalisation's passes over channels_last pictures on a CPU, PReLU and a residual addition included,
// as vector code on all threads. The sums do not depend on the number of threads. T is float or double.
//
//   z = (x - mean) * scale + bias,  y = (z > 0 ? z : slope * z) + residual
#pragma once

#include <cstdint>
#include <vector>

namespace facetrain {

// A picture's pixel, or rather every pixel of every picture, is a row of channels.
struct PixelRows {
  std::int64_t rows = 0, channels = 0;
};

// Of each channel over the rows: mean and biased variance.
struct ChannelMoments {
  std::vector<double> mean, variance;
};
template <typename T>
ChannelMoments channel_moments(const T* x, const PixelRows& shape);

// One number for each channel.
template <typename T>
struct ChannelMap {
  const T *mean, *scale, *bias;
  const T* slope;  // null: no PReLU
};

// residual: null for none.
template <typename T>
void normalise_pixels(const T* x, const T* residual, const PixelRows& shape, const ChannelMap<T>& map, T* y);

// Of each channel over the rows, with g the gradient of z: the sums of g, of g (x - mean), and of the
// gradient's part of the slope (empty without one).
struct GradientSums {
  std::vector<double> plain, centred, slope;
};
template <typename T>
GradientSums gradient_sums(const T* x, const T* gradient, const PixelRows& shape, const ChannelMap<T>& map);

// dx := scale * g - constant - linear * (x - mean) + added. added: what reached x by another way; null for
// none.
template <typename T>
void input_gradient(const T* x, const T* gradient, const T* added, const PixelRows& shape,
                    const ChannelMap<T>& map, const T* constant, const T* linear, T* dx);

}  // namespace facetrain
