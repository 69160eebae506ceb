#include "trainer/backbones/norm_passes.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "trainer/vector_code.hpp"

namespace facetrain {
namespace {

constexpr std::int64_t kPartValues = 32768;  // of a part of the rows that one thread sums
constexpr std::int64_t kBlock = 64;          // rows that are summed in T before the sum goes on in double

std::int64_t rows_of_part(const PixelRows& shape) {
  return std::max<std::int64_t>(kBlock, kPartValues / std::max<std::int64_t>(shape.channels, 1));
}

// work(part, first row, last row) for each part of the rows.
template <typename Work>
std::int64_t for_parts(const PixelRows& shape, const Work& work) {
  const std::int64_t size = rows_of_part(shape), parts = (shape.rows + size - 1) / size;
  at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part)
      work(part, part * size, std::min(shape.rows, (part + 1) * size));
  });
  return parts;
}

// Sums of `kinds` numbers of each channel: add(row, sums of kind 0, of kind 1, ...) for every row.
template <typename T, std::int64_t kinds, typename Add>
FACETRAIN_VECTOR void sum_rows(std::int64_t begin, std::int64_t end, std::int64_t channels, T* block,
                               double* sums, const Add& add) {
  for (std::int64_t row = begin; row < end; row += kBlock) {
    for (std::int64_t i = 0; i < kinds * channels; ++i) block[i] = 0;
    for (std::int64_t r = row; r < std::min(end, row + kBlock); ++r) add(r);
    for (std::int64_t i = 0; i < kinds * channels; ++i) sums[i] += static_cast<double>(block[i]);
  }
}

// The parts' sums added up in the parts' order: (kinds, channels).
template <typename T, std::int64_t kinds, typename Pass>
std::vector<double> summed(const PixelRows& shape, const Pass& pass) {
  const auto width = static_cast<std::size_t>(kinds * shape.channels);
  const std::int64_t size = rows_of_part(shape), parts = (shape.rows + size - 1) / size;
  std::vector<double> of_parts(static_cast<std::size_t>(parts) * width, 0.0);
  for_parts(shape, [&](std::int64_t part, std::int64_t begin, std::int64_t end) {
    std::vector<T> block(width);
    pass(begin, end, block.data(), of_parts.data() + static_cast<std::size_t>(part) * width);
  });
  std::vector<double> sums(width, 0.0);
  for (std::size_t i = 0; i < of_parts.size(); ++i) sums[i % width] += of_parts[i];
  return sums;
}

template <typename T>
FACETRAIN_VECTOR void moments_pass(const T* __restrict x, const T* __restrict first, std::int64_t begin,
                                   std::int64_t end, std::int64_t channels, T* __restrict block,
                                   double* __restrict sums) {
  T* __restrict squares = block + channels;
  sum_rows<T, 2>(begin, end, channels, block, sums, [&](std::int64_t r) FACETRAIN_VECTOR_LAMBDA {
    const T* __restrict row = x + r * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const T moved = row[c] - first[c];
      block[c] += moved;
      squares[c] += moved * moved;
    }
  });
}

template <typename T, bool has_slope, bool has_residual>
FACETRAIN_VECTOR void normalise_pass(const T* __restrict x, const T* __restrict residual, std::int64_t begin,
                                     std::int64_t end, std::int64_t channels, const ChannelMap<T> map,
                                     T* __restrict y) {
  const T* __restrict mean = map.mean, * __restrict scale = map.scale, * __restrict bias = map.bias, * __restrict slope = map.slope;
  for (std::int64_t r = begin; r < end; ++r) {
    const T* __restrict from = x + r * channels, * __restrict more = residual + r * channels;
    T* __restrict to = y + r * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      T z = (from[c] - mean[c]) * scale[c] + bias[c];
      if constexpr (has_slope) {
        const T leaked = z * slope[c];
        z = z > 0 ? z : leaked;
      }
      if constexpr (has_residual) z += more[c];
      to[c] = z;
    }
  }
}

template <typename T, bool has_slope>
FACETRAIN_VECTOR void sums_pass(const T* __restrict x, const T* __restrict gradient, std::int64_t begin,
                                std::int64_t end, std::int64_t channels, const ChannelMap<T> map,
                                T* __restrict block, double* __restrict sums) {
  const T* __restrict mean = map.mean, * __restrict scale = map.scale, * __restrict bias = map.bias, * __restrict slope = map.slope;
  T* __restrict centred = block + channels, * __restrict leaks = block + 2 * channels;
  const auto add = [&](std::int64_t r) FACETRAIN_VECTOR_LAMBDA {
    const T* __restrict row = x + r * channels, * __restrict dy = gradient + r * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const T moved = row[c] - mean[c];
      T g = dy[c];
      if constexpr (has_slope) {
        const T z = moved * scale[c] + bias[c], leaked = g * slope[c], product = g * z;
        leaks[c] += z > 0 ? T{0} : product;
        g = z > 0 ? g : leaked;
      }
      block[c] += g;
      centred[c] += g * moved;
    }
  };
  sum_rows<T, has_slope ? 3 : 2>(begin, end, channels, block, sums, add);
}

template <typename T, bool has_slope, bool adds>
FACETRAIN_VECTOR void input_gradient_pass(const T* __restrict x, const T* __restrict gradient,
                                          const T* __restrict added, std::int64_t begin, std::int64_t end,
                                          std::int64_t channels, const ChannelMap<T> map,
                                          const T* __restrict constant, const T* __restrict linear,
                                          T* __restrict dx) {
  const T* __restrict mean = map.mean, * __restrict scale = map.scale, * __restrict bias = map.bias, * __restrict slope = map.slope;
  for (std::int64_t r = begin; r < end; ++r) {
    const T* __restrict row = x + r * channels, * __restrict dy = gradient + r * channels;
    const T* __restrict more = adds ? added + r * channels : nullptr;
    T* __restrict to = dx + r * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const T moved = row[c] - mean[c];
      T g = dy[c];
      if constexpr (has_slope) {
        const T z = moved * scale[c] + bias[c], leaked = g * slope[c];
        g = z > 0 ? g : leaked;
      }
      to[c] = scale[c] * g - constant[c] - linear[c] * moved;
      if constexpr (adds) to[c] += more[c];
    }
  }
}

std::vector<double> kind(const std::vector<double>& sums, std::int64_t channels, std::int64_t which) {
  const auto begin = sums.begin() + which * channels;
  return {begin, begin + channels};
}

}  // namespace

template <typename T>
ChannelMoments channel_moments(const T* x, const PixelRows& shape) {
  // Values are taken relative to the first row's: their squares' sum then keeps its digits.
  const std::vector<double> sums =
      summed<T, 2>(shape, [&](std::int64_t begin, std::int64_t end, T* block, double* of_part) {
        run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA {
          moments_pass(x, x, begin, end, shape.channels, block, of_part);
        });
      });
  ChannelMoments moments{kind(sums, shape.channels, 0), kind(sums, shape.channels, 1)};
  const auto rows = static_cast<double>(shape.rows);
  for (std::size_t c = 0; c < moments.mean.size(); ++c) {
    const double moved = moments.mean[c] / rows;
    moments.variance[c] = std::max(0.0, moments.variance[c] / rows - moved * moved);
    moments.mean[c] = static_cast<double>(x[c]) + moved;
  }
  return moments;
}

template <typename T>
void normalise_pixels(const T* x, const T* residual, const PixelRows& shape, const ChannelMap<T>& map, T* y) {
  for_parts(shape, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA {
      if (map.slope != nullptr && residual != nullptr)
        normalise_pass<T, true, true>(x, residual, begin, end, shape.channels, map, y);
      else if (map.slope != nullptr)
        normalise_pass<T, true, false>(x, x, begin, end, shape.channels, map, y);
      else if (residual != nullptr)
        normalise_pass<T, false, true>(x, residual, begin, end, shape.channels, map, y);
      else
        normalise_pass<T, false, false>(x, x, begin, end, shape.channels, map, y);
    });
  });
}

template <typename T>
GradientSums gradient_sums(const T* x, const T* gradient, const PixelRows& shape, const ChannelMap<T>& map) {
  if (map.slope == nullptr) {
    const std::vector<double> sums =
        summed<T, 2>(shape, [&](std::int64_t begin, std::int64_t end, T* block, double* of_part) {
          run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA {
            sums_pass<T, false>(x, gradient, begin, end, shape.channels, map, block, of_part);
          });
        });
    return {kind(sums, shape.channels, 0), kind(sums, shape.channels, 1), {}};
  }
  const std::vector<double> sums =
      summed<T, 3>(shape, [&](std::int64_t begin, std::int64_t end, T* block, double* of_part) {
        run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA {
          sums_pass<T, true>(x, gradient, begin, end, shape.channels, map, block, of_part);
        });
      });
  return {kind(sums, shape.channels, 0), kind(sums, shape.channels, 1), kind(sums, shape.channels, 2)};
}

template <typename T>
void input_gradient(const T* x, const T* gradient, const T* added, const PixelRows& shape,
                    const ChannelMap<T>& map, const T* constant, const T* linear, T* dx) {
  const auto run = [&](auto slope, auto adds) {
    for_parts(shape, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
      run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA {
        input_gradient_pass<T, decltype(slope)::value, decltype(adds)::value>(
            x, gradient, added, begin, end, shape.channels, map, constant, linear, dx);
      });
    });
  };
  using std::false_type, std::true_type;
  if (map.slope != nullptr)
    added != nullptr ? run(true_type(), true_type()) : run(true_type(), false_type());
  else
    added != nullptr ? run(false_type(), true_type()) : run(false_type(), false_type());
}

#define FACETRAIN_NORM(T)                                                                               \
  template ChannelMoments channel_moments<T>(const T*, const PixelRows&);                               \
  template void normalise_pixels<T>(const T*, const T*, const PixelRows&, const ChannelMap<T>&, T*);    \
  template GradientSums gradient_sums<T>(const T*, const T*, const PixelRows&, const ChannelMap<T>&);   \
  template void input_gradient<T>(const T*, const T*, const T*, const PixelRows&, const ChannelMap<T>&, \
                                  const T*, const T*, T*);
FACETRAIN_NORM(float)
FACETRAIN_NORM(double)
#undef FACETRAIN_NORM

}  // namespace facetrain
