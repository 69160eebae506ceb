// Rows scaled to length 1, in one pass over memory each way.
#pragma once

#include <ATen/core/Tensor.h>

namespace facetrain {

inline constexpr double kSmallestRowNorm = 1e-12;

// rows (N, E) -> rows / max(norm of the row, kSmallestRowNorm) in `type`, with gradient: computed in the
// rows' type, rounded once.
at::Tensor unit_rows(const at::Tensor& rows, at::ScalarType type);

}  // namespace facetrain
