// Margins that change the values only, as the reference's ArcFace, CosFace, SphereFace and combined margin do
// (they run under no_grad): the gradient passes straight through, as if the logits were s * clamp(cosine).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "trainer/head/head.hpp"

namespace facetrain {

inline constexpr double kScale = 64.0;             // s of every head here but CircleLoss
inline constexpr double kAngleClamp = 1.0 - 1e-7;  // the reference's bound before acos

// logits (N, C) = s * clamp(cosines, -bound, bound), where the true class's clamped cosine c (N, 1) is
// replaced by margin(c).
at::Tensor straight_through(const HeadInput& input, double bound,
                            const std::function<at::Tensor(const at::Tensor&)>& margin);

}  // namespace facetrain
