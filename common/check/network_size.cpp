#include "common/check/network_size.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "common/iresnet_depths.hpp"

namespace facetrain {
namespace {

// With activation checkpointing a block keeps its input only, and one block at a time its inside.
struct KeptOutputs {
  std::int64_t inputs = 0, inside = 0, largest = 0;

  void block(std::int64_t input, std::int64_t own) {
    inputs += input;
    inside += own;
    largest = std::max(largest, own);
  }
  std::int64_t numbers(bool checkpoint) const { return inputs + (checkpoint ? largest : inside); }
};

NetworkSize iresnet_size(const std::array<std::int64_t, 4>& blocks, bool se, std::int64_t embedding,
                         bool checkpoint) {
  NetworkSize size;
  std::int64_t in = 64, side = 112;
  size.parameters = 27 * 64 + 3 * 64;
  size.multiply_adds = 27 * 64 * side * side;
  std::int64_t kept = 2 * 64 * side * side;  // the first convolution's and BatchNorm's outputs
  KeptOutputs counted;
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    const std::int64_t out = kIResNetChannels[stage];
    for (std::int64_t i = 0; i < blocks[stage]; ++i, in = out) {
      const bool first = i == 0;
      const std::int64_t below = first ? side / 2 : side;
      size.parameters += 2 * in + 9 * in * out + 3 * out + 9 * out * out + 2 * out;
      if (first) size.parameters += in * out + 2 * out;
      size.multiply_adds +=
          9 * in * out * side * side + 9 * out * out * below * below + (first ? in * out * below * below : 0);
      if (first && se) size.parameters += 2 * out * (out / 16);
      counted.block(in * side * side,
                    in * side * side + 3 * out * side * side + (first ? 2 : 1) * out * below * below);
      side = below;
    }
  }
  const std::int64_t flat = in * side * side;
  size.parameters += 2 * in + (flat + 1) * embedding + 2 * embedding;
  size.multiply_adds += flat * embedding;
  kept += 3 * flat;  // the last block's, BatchNorm's and the dropout's outputs
  size.kept_numbers = kept + counted.numbers(checkpoint);
  return size;
}

NetworkSize vit_size(std::string_view depth, std::int64_t embedding, bool checkpoint) {
  const std::int64_t h = depth == "l" ? 768 : 512, blocks = depth == "s" ? 12 : 24, heads = 8, patches = 144;
  const std::int64_t s = depth == "s" ? patches : patches * 9 / 10;  // b and l mask a tenth
  NetworkSize size;
  const std::int64_t block = 4 * h + 3 * h * h + h * h + h + 8 * h * h + 5 * h;
  size.parameters = 3 * 81 * h + h + patches * h + blocks * block + 2 * h + h + patches * h * h + 2 * h +
                    h * embedding + 2 * embedding;
  size.multiply_adds =
      3 * 81 * h * patches + blocks * (12 * h * h * s + 2 * s * s * h) + patches * h * h + h * embedding;
  KeptOutputs counted;
  for (std::int64_t i = 0; i < blocks; ++i) counted.block(s * h, 15 * s * h + heads * s * s);
  size.kept_numbers = 2 * patches * h + counted.numbers(checkpoint);
  return size;
}

// A convolution, its BatchNorm and, unless linear, its PReLU.
struct ConvCount {
  NetworkSize size;

  void add(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t groups, std::int64_t side,
           bool linear = false) {
    const std::int64_t weights = kernel * kernel * in / groups * out, values = out * side * side;
    size.parameters += weights + (linear ? 2 : 3) * out;
    size.multiply_adds += weights * side * side;
    size.kept_numbers += (linear ? 2 : 3) * values;
  }
};

// trainer/backbones/mobilefacenet.cpp; u: channels that stand for 64 of the original.
NetworkSize mobilefacenet_size(std::int64_t u, std::int64_t embedding) {
  struct Stage {
    std::int64_t in, out, middle;  // in u
    int residual;                  // blocks after the one of stride 2
    bool strided;
  };
  constexpr Stage kStages[] = {
      {2, 2, 2, 4, true}, {2, 4, 4, 0, true}, {4, 4, 4, 6, false}, {4, 4, 8, 0, true}, {4, 4, 4, 2, false}};
  ConvCount count;
  std::int64_t side = 56;
  count.add(3, 2 * u, 3, 1, side);
  count.add(2 * u, 2 * u, 3, u, side);
  const auto block = [&](const Stage& s, std::int64_t below) {
    count.add(s.in * u, s.middle * u, 1, 1, side);
    count.add(s.middle * u, s.middle * u, 3, s.middle * u, below);
    count.add(s.middle * u, s.out * u, 1, 1, below, true);
    side = below;
  };
  for (const Stage& s : kStages) {
    if (s.strided) block(s, side / 2);
    for (int i = 0; i < s.residual; ++i) block(s, side);
  }
  count.add(4 * u, 8 * u, 1, 1, side);
  count.add(8 * u, 8 * u, side, 8 * u, 1, true);
  count.size.parameters += 8 * u * embedding + 2 * embedding;
  count.size.multiply_adds += 8 * u * embedding;
  return count.size;
}

}  // namespace

std::optional<NetworkSize> network_size(const Config& config) {
  const auto& model = config.model;
  if (model.model == "vit") return vit_size(model.depth, model.embedding_size, model.checkpoint);
  if (model.model == "mobilefacenet")
    return mobilefacenet_size(std::max<std::int64_t>(4, 4 * std::llround(16 * model.width)),
                              model.embedding_size);
  if (model.model != "iresnet") return {};
  for (const IResNetDepth& depth : kIResNetDepths)
    if (depth.name == model.depth)
      return iresnet_size(depth.blocks, model.mode == "se", model.embedding_size, model.checkpoint);
  return {};
}

}  // namespace facetrain
