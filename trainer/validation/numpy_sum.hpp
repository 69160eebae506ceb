// Sums in numpy's order, so that results that are compared digit by digit with the reference's come out
// equal: pairwise summation (Higham 1993, https://doi.org/10.1137/0914050) with numpy's block of 128 and its
// 8 interleaved partial sums, which is what np.sum does along a contiguous axis.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

namespace facetrain {

// The sum of the first n values of `values`; T is float or double, and the additions are done in T.
template <typename T>
T pairwise_sum(const T* values, std::size_t n) {
  if (n < 8) {
    T sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += values[i];
    return sum;
  }
  if (n <= 128) {
    std::array<T, 8> r;
    for (std::size_t lane = 0; lane < 8; ++lane) r[lane] = values[lane];
    std::size_t i = 8;
    for (; i < n - n % 8; i += 8)
      for (std::size_t lane = 0; lane < 8; ++lane) r[lane] += values[i + lane];
    T sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; ++i) sum += values[i];
    return sum;
  }
  const std::size_t half = n / 2 - n / 2 % 8;
  return pairwise_sum(values, half) + pairwise_sum(values + half, n - half);
}

template <typename T>
T pairwise_sum(std::span<const T> values) {
  return pairwise_sum(values.data(), values.size());
}

// np.linalg.norm of one row: the root of np.sum of the squares. `scratch` has the row's length and takes the
// squares, so that no compiler may fuse the multiplication into the sum.
template <typename T>
T row_norm(std::span<const T> row, std::span<T> scratch) {
  for (std::size_t i = 0; i < row.size(); ++i) scratch[i] = row[i] * row[i];
  return std::sqrt(pairwise_sum<T>(scratch));
}

// np.sum(np.square(a - b)) of two rows of one length.
template <typename T>
T squared_distance(std::span<const T> a, std::span<const T> b, std::span<T> scratch) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const T difference = a[i] - b[i];
    scratch[i] = difference * difference;
  }
  return pairwise_sum<T>(scratch);
}

}  // namespace facetrain
