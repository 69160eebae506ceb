#include "trainer/head/row_passes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "trainer/vector_code.hpp"

namespace facetrain {
namespace {

// Partial sums side by side: the compiler may not reorder a float sum, but it may hold these in vectors.
constexpr std::int64_t kLanes = 32;
// Values that are summed in T before the sum goes on in double.
constexpr std::int64_t kBlock = 1024;

// 2^n * 2^f with n the nearest whole number and a polynomial for 2^f (the Taylor series of exp on +-ln2/2,
// cut where its rest is below half a unit in the last place).
FACETRAIN_VECTOR float exponential(float x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves a whole number in the low bits
  const float held = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float n = (held * kLog2E + kRound) - kRound;
  const float r = (held - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // A NaN has no whole number: any factor will do.
  const std::int32_t exponent = std::bit_cast<std::int32_t>(n + kRound) - std::bit_cast<std::int32_t>(kRound);
  return p * std::bit_cast<float>((exponent + 127) << 23);
}

FACETRAIN_VECTOR double exponential(double x) {
  return std::exp(x < -700.0 ? -700.0 : (x > 700.0 ? 700.0 : x));
}

template <typename T>
struct Rule {
  explicit Rule(const LogitRule& rule)
      : scale(static_cast<T>(rule.scale)),
        bound(static_cast<T>(rule.bound)),
        shift(static_cast<T>(rule.shift)) {}
  T scale, bound, shift;
};

template <typename T>
FACETRAIN_VECTOR T exponential_of(T x, const Rule<T>& rule) {
  const T held = x < -rule.bound ? -rule.bound : (x > rule.bound ? rule.bound : x);
  return exponential(held * rule.scale - rule.shift);
}

// Sum of term(i) for i in [0, count).
template <typename T, typename Term>
FACETRAIN_VECTOR double sum_of(std::int64_t count, const Term& term) {
  double sum = 0;
  std::int64_t i = 0;
  while (count - i >= kLanes) {
    const std::int64_t end = i + std::min(kBlock, (count - i) / kLanes * kLanes);
    T part[kLanes] = {};
    for (; i < end; i += kLanes)
      for (std::int64_t lane = 0; lane < kLanes; ++lane) part[lane] += term(i + lane);
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sum += static_cast<double>(part[lane]);
  }
  for (; i < count; ++i) sum += static_cast<double>(term(i));
  return sum;
}

template <typename T>
FACETRAIN_VECTOR double sum_pass(const T* values, std::int64_t count, const LogitRule& of) {
  const Rule<T> rule(of);
  return sum_of<T>(count,
                   [&](std::int64_t i) FACETRAIN_VECTOR_LAMBDA { return exponential_of(values[i], rule); });
}

template <typename T>
FACETRAIN_VECTOR void gradient_pass(T* values, std::int64_t count, const LogitRule& of, double by) {
  const Rule<T> rule(of);
  const T factor = static_cast<T>(by);
  for (std::int64_t i = 0; i < count; ++i) {
    const T x = values[i];
    const T gradient = exponential_of(x, rule) * factor;
    values[i] = bool(x < -rule.bound) | bool(x > rule.bound) ? T{0} : gradient;
  }
}

template <typename T>
FACETRAIN_VECTOR double unit_pass(const T* row, std::int64_t count, double smallest, T* unit) {
  const double norm =
      std::sqrt(sum_of<T>(count, [&](std::int64_t i) FACETRAIN_VECTOR_LAMBDA { return row[i] * row[i]; }));
  const T divisor = static_cast<T>(norm < smallest ? smallest : norm);
  for (std::int64_t i = 0; i < count; ++i) unit[i] = row[i] / divisor;
  return norm;
}

template <typename T>
FACETRAIN_VECTOR void unit_gradient_pass(const T* unit, const T* gradient, std::int64_t count, double norm,
                                         double smallest, T* out) {
  const bool too_small = norm < smallest;
  const double product = too_small ? 0.0 : sum_of<T>(count, [&](std::int64_t i) FACETRAIN_VECTOR_LAMBDA {
    return unit[i] * gradient[i];
  });
  const T along = static_cast<T>(product), divisor = static_cast<T>(too_small ? smallest : norm);
  for (std::int64_t i = 0; i < count; ++i) out[i] = (gradient[i] - unit[i] * along) / divisor;
}

}  // namespace

template <typename T>
double exponential_sum(const T* values, std::int64_t count, const LogitRule& rule) {
  double sum = 0;
  run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA { sum = sum_pass(values, count, rule); });
  return sum;
}

template <typename T>
void exponential_gradient(T* values, std::int64_t count, const LogitRule& rule, double factor) {
  run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA { gradient_pass(values, count, rule, factor); });
}

template <typename T>
double to_unit(const T* row, std::int64_t count, double smallest, T* unit) {
  double norm = 0;
  run_vector_code([&]() FACETRAIN_VECTOR_LAMBDA { norm = unit_pass(row, count, smallest, unit); });
  return norm;
}

template <typename T>
void unit_gradient(const T* unit, const T* gradient, std::int64_t count, double norm, double smallest,
                   T* out) {
  run_vector_code(
      [&]() FACETRAIN_VECTOR_LAMBDA { unit_gradient_pass(unit, gradient, count, norm, smallest, out); });
}

#define FACETRAIN_ROWS(T)                                                            \
  template double exponential_sum<T>(const T*, std::int64_t, const LogitRule&);      \
  template void exponential_gradient<T>(T*, std::int64_t, const LogitRule&, double); \
  template double to_unit<T>(const T*, std::int64_t, double, T*);                    \
  template void unit_gradient<T>(const T*, const T*, std::int64_t, double, double, T*);
FACETRAIN_ROWS(float)
FACETRAIN_ROWS(double)
#undef FACETRAIN_ROWS

}  // namespace facetrain
