// The smallest backbone that train_step can train: for tests of the step, not of networks.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "trainer/backbones/backbone.hpp"

namespace facetrain::test {

inline at::Tensor draw(at::IntArrayRef shape, std::uint64_t seed, at::ScalarType type) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, type);
}

// Embedding (B, size) = weight x picture (B, pixels) + bias; the weight with decay, the bias without, a
// parameter that is not trained, and a buffer that nothing uses.
class LinearBackbone final : public Backbone {
 public:
  LinearBackbone(std::int64_t pixels, std::int64_t size, at::ScalarType type) {
    state_ = {{"weight", draw({size, pixels}, 1, type).set_requires_grad(true)},
              {"bias", draw({size}, 2, type).set_requires_grad(true), false, true, false},
              {"fixed", at::ones({size}, type), false, false},
              {"running_mean", at::zeros({size}, type), true, false}};
  }
  at::Tensor forward(const at::Tensor& images, const DropoutKey& key) override {
    keys.push_back(key);
    return at::linear(images.flatten(1), state_[0].tensor, state_[1].tensor) * state_[2].tensor;
  }
  const std::vector<NamedTensor>& state() const override { return state_; }
  void train(bool) override {}
  void to(at::Device, at::ScalarType) override {}

  std::vector<DropoutKey> keys;  // of every forward pass

 private:
  std::vector<NamedTensor> state_;
};

}  // namespace facetrain::test
