// Compiled with -fopenmp, without which at::parallel_for is a loop, and with -ffp-contract=off: which
// products are fused with which sums is written down here (see trainer/CMakeLists.txt).
#include "trainer/optim/cpu_passes.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace facetrain {
namespace {

constexpr std::int64_t kChunk = 1 << 15;  // elements that one thread takes at a time
constexpr std::size_t kLanes = 16;        // sums that are kept side by side, for vector units

template <class T>
double chunk_squares(const T* values, std::int64_t count) {
  std::array<double, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + static_cast<std::int64_t>(kLanes) <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + static_cast<std::int64_t>(lane)];
      sums[lane] += value * value;
    }
  double sum = 0;
  for (const double lane : sums) sum += lane;
  for (; i < count; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return sum;
}

template <class T>
struct SgdFactors {
  T minus_lr, momentum, weight_decay, unscale, clip;
  explicit SgdFactors(const SgdPass& pass)
      : minus_lr(static_cast<T>(-pass.lr)),
        momentum(static_cast<T>(pass.momentum)),
        weight_decay(static_cast<T>(pass.weight_decay)),
        unscale(static_cast<T>(pass.unscale)),
        clip(static_cast<T>(pass.clip)) {}
};

template <class T, bool kMomentum>
[[gnu::always_inline]] inline void sgd_loop(T* __restrict values, const T* __restrict gradients,
                                            T* __restrict velocities, std::int64_t count,
                                            const SgdFactors<T>& f) {
  for (std::int64_t i = 0; i < count; ++i) {
    T change = std::fma(values[i], f.weight_decay, gradients[i] * f.unscale * f.clip);
    if constexpr (kMomentum) change = velocities[i] = velocities[i] * f.momentum + change;
    values[i] = std::fma(change, f.minus_lr, values[i]);
  }
}

template <class T>
[[gnu::always_inline]] inline void sgd_chunk(T* values, const T* gradients, T* velocities, std::int64_t count,
                                             const SgdFactors<T>& f) {
  if (velocities != nullptr) {
    sgd_loop<T, true>(values, gradients, velocities, count, f);
  } else {
    sgd_loop<T, false>(values, gradients, velocities, count, f);
  }
}

template <class T>
using SgdChunk = void (*)(T*, const T*, T*, std::int64_t, const SgdFactors<T>&);

template <class T>
void portable_chunk(T* values, const T* gradients, T* velocities, std::int64_t count,
                    const SgdFactors<T>& f) {
  sgd_chunk(values, gradients, velocities, count, f);
}

#ifdef __x86_64__
template <class T>
[[gnu::target("avx2,fma")]] void fma_chunk(T* values, const T* gradients, T* velocities, std::int64_t count,
                                           const SgdFactors<T>& f) {
  sgd_chunk(values, gradients, velocities, count, f);
}
#endif

// Both round alike; without the instruction the C library computes the fused products.
template <class T>
SgdChunk<T> best_chunk() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return fma_chunk<T>;
#endif
  return portable_chunk<T>;
}

}  // namespace

double sum_of_squares(const at::Tensor& values) {
  const std::int64_t count = values.numel(), chunks = (count + kChunk - 1) / kChunk;
  std::vector<double> sums(static_cast<std::size_t>(chunks));
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "sum_of_squares", [&] {
    const scalar_t* data = values.const_data_ptr<scalar_t>();
    at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t first = chunk * kChunk;
        sums[static_cast<std::size_t>(chunk)] = chunk_squares(data + first, std::min(kChunk, count - first));
      }
    });
  });
  double sum = 0;
  for (const double one : sums) sum += one;
  return sum;
}

void sgd_pass(const at::Tensor& values, const at::Tensor& gradients, const at::Tensor& velocities,
              const SgdPass& pass) {
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "sgd_pass", [&] {
    const SgdFactors<scalar_t> factors(pass);
    const SgdChunk<scalar_t> chunk = best_chunk<scalar_t>();
    auto* p = values.mutable_data_ptr<scalar_t>();
    const auto* g = gradients.const_data_ptr<scalar_t>();
    auto* v = velocities.defined() ? velocities.mutable_data_ptr<scalar_t>() : nullptr;
    at::parallel_for(0, values.numel(), kChunk, [&](std::int64_t begin, std::int64_t end) {
      chunk(p + begin, g + begin, v == nullptr ? nullptr : v + begin, end - begin, factors);
    });
  });
}

}  // namespace facetrain
