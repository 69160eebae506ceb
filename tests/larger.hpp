// For the largest of several differences.
#pragma once

#include <cmath>

namespace facetrain::test {

// NaN, which std::max would drop, is larger than any number.
inline double larger(double a, double b) {
  return std::isnan(a) || a > b ? a : b;
}

}  // namespace facetrain::test
