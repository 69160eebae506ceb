// The head's passes over one row of memory on a CPU, as vector code: exponentials of logits, and unit
// vectors. Every row is summed in an order of its own, so that results do not depend on the number of
// threads. T is float or double. AVX2 and FMA where the processor has them, chosen at run time; the last
// digit of a float depends on that.
#pragma once

#include <cstdint>

#include "trainer/head/logit_rule.hpp"

namespace facetrain {

// Sum over values[0, count) of exp(logit - shift) as `rule` says. The exponential of a float is within 2
// units in the last place and its argument is held to [-87, 88] (of a double: [-700, 700]); NaN stays NaN.
template <typename T>
double exponential_sum(const T* values, std::int64_t count, const LogitRule& rule);

// values[i] := factor * exp(logit - shift), or 0 where the value lies beyond the rule's bound.
template <typename T>
void exponential_gradient(T* values, std::int64_t count, const LogitRule& rule, double factor);

// unit := row / max(norm, smallest); returns the norm.
template <typename T>
double to_unit(const T* row, std::int64_t count, double smallest, T* unit);

// The gradient of that: out := (gradient - unit (gradient . unit)) / norm, and gradient / smallest below
// `smallest`.
template <typename T>
void unit_gradient(const T* unit, const T* gradient, std::int64_t count, double norm, double smallest,
                   T* out);

}  // namespace facetrain
