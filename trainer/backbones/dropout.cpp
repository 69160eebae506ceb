#include "trainer/backbones/dropout.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/plan/philox.hpp"
#include "trainer/backbones/keyed_words.hpp"

namespace facetrain {
namespace {

using Key = std::array<std::uint32_t, 2>;
constexpr int kLanes = 16;  // Philox blocks made side by side, so that the compiler vectorises the rounds

std::uint64_t threshold(double p) {
  return static_cast<std::uint64_t>(std::llround(p * 4294967296.0));
}
std::uint64_t position(const DropoutKey& key, std::int64_t row) {
  return static_cast<std::uint64_t>(row) * key.world + key.rank;
}

// kLanes blocks beginning with block number `first`: philox4x32 of common/plan, written across lanes.
void philox_lanes(std::uint32_t first, std::uint32_t when, std::uint64_t where, Key key,
                  std::uint32_t (&w)[4][kLanes]) {
  for (int i = 0; i < kLanes; ++i) {
    w[0][i] = first + static_cast<std::uint32_t>(i);
    w[1][i] = when;
    w[2][i] = static_cast<std::uint32_t>(where);
    w[3][i] = static_cast<std::uint32_t>(where >> 32);
  }
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t a = 0xD2511F53ull * w[0][i];
      const std::uint64_t b = 0xCD9E8D57ull * w[2][i];
      w[0][i] = static_cast<std::uint32_t>(b >> 32) ^ w[1][i] ^ key[0];
      w[1][i] = static_cast<std::uint32_t>(b);
      w[2][i] = static_cast<std::uint32_t>(a >> 32) ^ w[3][i] ^ key[1];
      w[3][i] = static_cast<std::uint32_t>(a);
    }
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
}

at::Tensor mask_by_loop(const DropoutKey& key, std::int64_t rows, std::int64_t columns, double p) {
  at::Tensor mask = at::empty({rows, columns}, at::kBool);
  bool* out = mask.mutable_data_ptr<bool>();
  const Key philox = philox_key(key.seed, Purpose::kDropout);
  const std::uint64_t limit = threshold(p);
  std::uint32_t words[4][kLanes];
  for (std::int64_t row = 0; row < rows; ++row, out += columns) {
    for (std::int64_t begin = 0; begin < columns; begin += 4 * kLanes) {
      philox_lanes(static_cast<std::uint32_t>(begin / 4), static_cast<std::uint32_t>(key.step),
                   position(key, row), philox, words);
      const std::int64_t count = std::min<std::int64_t>(4 * kLanes, columns - begin);
      for (std::int64_t i = 0; i < count; ++i) out[begin + i] = words[i % 4][i / 4] >= limit;
    }
  }
  return mask;
}

}  // namespace

at::Tensor dropout_mask_by_tensor_operations(const DropoutKey& key, std::int64_t rows, std::int64_t columns,
                                             double p, at::Device device) {
  const std::int64_t blocks = (columns + 3) / 4;
  std::array<at::Tensor, 4> c = keyed_blocks(key, Purpose::kDropout, rows, blocks, device);
  for (at::Tensor& words : c)
    words = words.ge(static_cast<std::int64_t>(threshold(p))).expand({rows, blocks});
  return at::stack({c[0], c[1], c[2], c[3]}, 2).view({rows, 4 * blocks}).narrow(1, 0, columns).contiguous();
}

at::Tensor dropout_mask(const DropoutKey& key, std::int64_t rows, std::int64_t columns, double p,
                        at::Device device) {
  return device.is_cpu() ? mask_by_loop(key, rows, columns, p)
                         : dropout_mask_by_tensor_operations(key, rows, columns, p, device);
}

at::Tensor apply_dropout(const at::Tensor& x, const DropoutKey& key, double p) {
  const at::Tensor kept = dropout_mask(key, x.size(0), x.size(1), p, x.device());
  return at::mul(x, kept.to(x.scalar_type()).div_(1.0 - p));
}

}  // namespace facetrain
