#include "trainer/backbones/keyed_words.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/stack.h>

namespace facetrain {

std::array<at::Tensor, 4> keyed_blocks(const DropoutKey& key, Purpose purpose, std::int64_t rows,
                                       std::int64_t blocks, at::Device device) {
  // 32-bit words live in int64; a product's high bits survive the wrap-around, and an arithmetic shift is
  // masked to a logical one.
  constexpr std::int64_t kWord = 0xFFFFFFFF;
  const auto integers = at::TensorOptions().device(device).dtype(at::kLong);
  const at::Tensor where = at::arange(rows, integers)
                               .mul_(static_cast<std::int64_t>(key.world))
                               .add_(static_cast<std::int64_t>(key.rank))
                               .unsqueeze(1);
  std::array<at::Tensor, 4> c = {at::arange(blocks, integers).unsqueeze(0),
                                 at::full({1, 1}, static_cast<std::int64_t>(key.step & 0xFFFFFFFF), integers),
                                 where.bitwise_and(kWord), where.bitwise_right_shift(32)};
  std::array<std::uint32_t, 2> philox = philox_key(key.seed, purpose);
  for (int round = 0; round < 10; ++round) {
    const at::Tensor a = c[0].mul(std::int64_t{0xD2511F53});
    const at::Tensor b = c[2].mul(std::int64_t{0xCD9E8D57});
    c = {b.bitwise_right_shift(32).bitwise_and(kWord).bitwise_xor(c[1]).bitwise_xor(std::int64_t{philox[0]}),
         b.bitwise_and(kWord),
         a.bitwise_right_shift(32).bitwise_and(kWord).bitwise_xor(c[3]).bitwise_xor(std::int64_t{philox[1]}),
         a.bitwise_and(kWord)};
    philox[0] += 0x9E3779B9u;
    philox[1] += 0xBB67AE85u;
  }
  return c;
}

at::Tensor keyed_words_by_tensor_operations(const DropoutKey& key, Purpose purpose, std::int64_t rows,
                                            std::int64_t columns, at::Device device) {
  const std::int64_t blocks = (columns + 3) / 4;
  std::array<at::Tensor, 4> c = keyed_blocks(key, purpose, rows, blocks, device);
  for (at::Tensor& words : c) words = words.expand({rows, blocks});
  return at::stack({c[0], c[1], c[2], c[3]}, 2).view({rows, 4 * blocks}).narrow(1, 0, columns).contiguous();
}

at::Tensor keyed_words(const DropoutKey& key, Purpose purpose, std::int64_t rows, std::int64_t columns,
                       at::Device device) {
  if (!device.is_cpu()) return keyed_words_by_tensor_operations(key, purpose, rows, columns, device);
  at::Tensor words = at::empty({rows, columns}, at::kLong);
  std::int64_t* out = words.mutable_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    RandomStream stream(key.seed, purpose, static_cast<std::uint32_t>(key.step),
                        static_cast<std::uint64_t>(row) * key.world + key.rank);
    for (std::int64_t column = 0; column < columns; ++column) *out++ = stream.next_u32();
  }
  return words;
}

}  // namespace facetrain
