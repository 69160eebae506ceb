// One block of the Vision Transformer (Dosovitskiy et al. 2021) as the reference defines it: attention and
// MLP, each behind a LayerNorm, on a residual path that drop path switches off at random.
#pragma once

#include "trainer/backbones/layers.hpp"

namespace facetrain {

// y (B, ...) with whole rows zeroed and the others divided by 1 - p (stochastic depth, Huang et al. 2016, as
// timm's DropPath): row r is kept if words (B, int64, in [0, 2^32)) [r] >= p * 2^32. p in [0, 1).
at::Tensor drop_path(const at::Tensor& y, const at::Tensor& words, double p);

struct VitBlock {
  // heads divides dim; the MLP is 4 dim wide. Linear layers: N(0, .02), biases 0.
  VitBlock(const StateScope& scope, std::int64_t dim, std::int64_t heads, double drop_path_rate);

  // x (B, N, dim) -> the same shape and type. low_precision: of the linear layers (LayerNorm, attention
  // itself and the residual path keep x's type). words (B, 2) decide drop path for attention and MLP;
  // undefined: both kept.
  at::Tensor operator()(const at::Tensor& x, std::optional<at::ScalarType> low_precision,
                        const at::Tensor& words) const;

  LayerNorm norm1, norm2;
  Linear qkv, proj, fc1, fc2;
  std::int64_t heads;
  double drop_path_rate;
  std::vector<at::Tensor> parameters;  // all of the above
};

}  // namespace facetrain
