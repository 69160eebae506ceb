// Margins that change the values only, as the reference's ArcFace, CosFace, SphereFace and combined margin do
// (they run under no_grad): the gradient passes straight through, as if the logits were s * clamp(cosine).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "trainer/head/head.hpp"

namespace facetrain {

inline constexpr double kAngleClamp = 1.0 - 1e-7;  // the reference's bound before acos

// Cosines clamped to +-bound; the true class's clamped cosine c (N, 1) is replaced by margin(c).
HeadOutput straight_through(const HeadInput& input, double bound,
                            const std::function<at::Tensor(const at::Tensor&)>& margin);

}  // namespace facetrain
