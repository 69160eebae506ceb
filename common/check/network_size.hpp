// How large a network is, counted from its shape alone: parameters, and what one picture leaves in memory for
// the backward pass. For estimates before a run; the trainer's own tensors are what counts.
#pragma once

#include <cstdint>
#include <optional>

#include "common/config/config.hpp"

namespace facetrain {

struct NetworkSize {
  std::int64_t parameters = 0;
  // Numbers that forward keeps for backward, per picture. IResNet: the outputs of each convolution, BatchNorm
  // and PReLU (trainer/backbones/iresnet.cpp). ViT: 17 s h + 2.5 a s^2 a block of s tokens, width h and a
  // heads, half of the bytes of Korthikanti et al. 2022, "Reducing Activation Recomputation in Large
  // Transformer Models", eq. 1.
  std::int64_t kept_numbers = 0;
};

// Nothing for backbones that are not counted (mobilefacenet, which is small).
std::optional<NetworkSize> network_size(const Config& config);

}  // namespace facetrain
