#include "trainer/backbones/vit_block.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu6.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <cmath>

namespace facetrain {
namespace {

constexpr Init kWeights = normal(0.02);
constexpr Init kZero = constant(0);

}  // namespace

at::Tensor drop_path(const at::Tensor& y, const at::Tensor& words, double p) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(y.dim()), 1);
  rows[0] = y.size(0);
  const at::Tensor kept = words.ge(static_cast<std::int64_t>(std::llround(p * 4294967296.0))).view(rows);
  return at::mul(y, kept.to(y.scalar_type()).div_(1.0 - p));
}

VitBlock::VitBlock(const StateScope& scope, std::int64_t dim, std::int64_t head_count, double rate)
    : norm1(scope.child("norm1"), dim),
      norm2(scope.child("norm2"), dim),
      qkv(scope.child("attn").child("qkv"), dim, 3 * dim, false, kWeights),
      proj(scope.child("attn").child("proj"), dim, dim, kWeights, kZero),
      fc1(scope.child("mlp").child("fc1"), dim, 4 * dim, kWeights, kZero),
      fc2(scope.child("mlp").child("fc2"), 4 * dim, dim, kWeights, kZero),
      heads(head_count),
      drop_path_rate(rate),
      parameters(scope.trainable()) {}

at::Tensor VitBlock::operator()(const at::Tensor& x, std::optional<at::ScalarType> low_precision,
                                const at::Tensor& words) const {
  const auto device = x.device().type();
  const std::int64_t batch = x.size(0), tokens = x.size(1), dim = x.size(2);
  const auto dropped = [&](const at::Tensor& y, std::int64_t column) {
    return words.defined() && drop_path_rate > 0 ? drop_path(y, words.select(1, column), drop_path_rate) : y;
  };

  at::Tensor y = norm1(x);
  {
    const AutocastRegion region(low_precision, device);
    y = qkv(y);
  }
  // (3, B, heads, N, dim / heads), in full precision
  y = y.to(x.scalar_type()).view({batch, tokens, 3, heads, dim / heads}).permute({2, 0, 3, 1, 4});
  y = at::scaled_dot_product_attention(y.select(0, 0), y.select(0, 1), y.select(0, 2));
  y = y.transpose(1, 2).reshape({batch, tokens, dim});
  {
    const AutocastRegion region(low_precision, device);
    y = proj(y);
  }
  const at::Tensor attended = at::add(x, dropped(y, 0));

  y = norm2(attended);
  {
    const AutocastRegion region(low_precision, device);
    y = fc2(at::relu6(fc1(y)));
  }
  return at::add(attended, dropped(y, 1));
}

}  // namespace facetrain
