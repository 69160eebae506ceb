// How large a network is, counted from its shape alone: parameters, and what one picture leaves in memory for
// the backward pass, and what it costs to compute. For estimates before a run; the trainer's own tensors are
// what counts.
#pragma once

#include <cstdint>
#include <optional>

#include "common/config/config.hpp"

namespace facetrain {

struct NetworkSize {
  std::int64_t parameters = 0;
  // Numbers that forward keeps for backward, per picture. IResNet, MobileFaceNet: the outputs of each
  // convolution, BatchNorm and PReLU (trainer/backbones/iresnet.cpp). ViT: a block of s tokens of width h
  // with a heads keeps its input, two norms, q, k, v, the softmax (a s^2), what attention and residual give,
  // and twice 4 h in the MLP: 16 s h + a s^2. Within 1.2 % of what the reference's classes keep in float32.
  std::int64_t kept_numbers = 0;
  // Of one picture's forward pass, in convolutions, linear layers and attention.
  std::int64_t multiply_adds = 0;
};

// Nothing for a network or depth that is not known.
std::optional<NetworkSize> network_size(const Config& config);

}  // namespace facetrain
