// A small validation set on disk and a network without weights, for tests of validation.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/temporary_folder.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/validation/validation_set.hpp"

namespace facetrain::test {

inline std::uint32_t hash(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

// Pictures of 3 x 4 x 4 coloured tiles; a pair's second picture shares more of the first one's tiles if it is
// "same", so that telling them apart is possible but not always.
inline std::vector<std::uint8_t> tiled_pictures(std::size_t pairs) {
  std::vector<std::uint8_t> bytes(2 * pairs * kPictureBytes);
  std::size_t at = 0;
  for (std::uint32_t picture = 0; picture < 2 * pairs; ++picture) {
    const std::uint32_t pair = picture / 2, shared = hash(pair) % 24 + (pair % 2 ? 24 : 12);
    for (std::uint32_t channel = 0; channel < 3; ++channel)
      for (std::uint32_t y = 0; y < kPictureSide; ++y)
        for (std::uint32_t x = 0; x < kPictureSide; ++x) {
          const std::uint32_t tile = channel * 16 + y / 28 * 4 + x / 28;
          const std::uint32_t of = hash(tile + 7 * pair) % 48 < shared ? 2 * pair : picture;
          bytes[at++] = static_cast<std::uint8_t>(hash(1000 * of + tile) >> 24);
        }
  }
  return bytes;
}

// Writes FOLDER/NAME/NAME.npy and issame.txt; pair i is "same" when i is odd.
inline void write_set(const std::filesystem::path& folder, const std::string& name, std::size_t pairs,
                      const std::string& dtype = "|u1") {
  std::filesystem::create_directories(folder / name);
  const auto bytes = tiled_pictures(pairs);
  std::ofstream npy(folder / name / (name + ".npy"), std::ios::binary);
  const std::vector<std::uint64_t> shape{2 * pairs, 3, kPictureSide, kPictureSide};
  npy << format_npy_header(dtype, shape);
  npy.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  std::ofstream flags(folder / name / "issame.txt");
  for (std::size_t i = 0; i < pairs; ++i) flags << i % 2 << "\n";
}

// Embedding: the 48 tile means minus the buffer "mean".
class TileMeans : public Backbone {
 public:
  explicit TileMeans(double mean) {
    state_.push_back({.name = "scale", .tensor = at::ones({1})});
    state_.push_back({.name = "mean", .tensor = at::full({48}, mean), .is_buffer = true, .trainable = false});
    state_.push_back(
        {.name = "count", .tensor = at::full({}, 7, at::kLong), .is_buffer = true, .trainable = false});
  }
  at::Tensor forward(const at::Tensor& images, const DropoutKey&) override {
    if (fail) throw std::runtime_error("the network failed");
    saw_train_mode |= training;
    largest_batch = std::max(largest_batch, images.size(0));
    const at::Tensor tiles = images.reshape({-1, 3, 4, 28, 4, 28}).mean({3, 5}).reshape({-1, 48});
    return tiles * state_[0].tensor - state_[1].tensor;
  }
  const std::vector<NamedTensor>& state() const override { return state_; }
  void train(bool on) override { training = on; }
  void to(at::Device, at::ScalarType) override {}

  at::Tensor mean() const { return state_[1].tensor; }
  at::Tensor count() const { return state_[2].tensor; }

  bool training = true, saw_train_mode = false, fail = false;
  std::int64_t largest_batch = 0;

 private:
  std::vector<NamedTensor> state_;
};

}  // namespace facetrain::test
