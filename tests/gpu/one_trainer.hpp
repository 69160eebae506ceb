// One trainer's training step on any device, as run/training.cpp puts it together, for the cases of
// tests/gpu/.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/mpi/linear_backbone.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/step/precision.hpp"
#include "trainer/step/train_step.hpp"

namespace facetrain::test {

inline constexpr std::int64_t kClasses = 10, kBatch = 8, kSize = 32;

struct OneTrainer {
  OneTrainer(BackboneSpec spec, const Config& config, Precision precision, at::Device device)
      : device(device),
        type(parameter_type(precision)),
        backbone(make_network(spec, device, type)),
        classifier({.classes = kClasses,
                    .embedding_size = kSize,
                    .device = device,
                    .dtype = type,
                    .linear = linear_type(precision, device),
                    .sample_rate = config.head.sample_rate},
                   make_head(config), alone),
        buckets(trainable_parameters(*backbone), alone, 16u << 20, wire_type(precision, device),
                weight_decays(*backbone)),
        optimizer(make_optimizer(config, trained_parameters(*backbone, classifier),
                                 classifier.sparse_centres(), buckets.buckets())),
        scale(precision == Precision::kFp16 ? std::optional<LossScale>(std::in_place, device) : std::nullopt),
        state{*backbone, classifier, buckets, *optimizer, scale ? &*scale : nullptr, alone} {}

  static std::unique_ptr<Backbone> make_network(BackboneSpec spec, at::Device device, at::ScalarType type) {
    spec.embedding_size = kSize;
    auto network = make_backbone(spec, 1);
    network->to(device, type);
    network->train(true);
    return network;
  }

  // images (kBatch, 3, 112, 112), on any device.
  StepResult step(const at::Tensor& images, std::uint64_t number, double lr = 0.02) {
    const Batch batch{images.to(device, type), at::arange(kBatch).remainder(kClasses)};
    return train_step(state, batch, {.step = number}, lr);
  }
  std::vector<at::Tensor> values() const {
    std::vector<at::Tensor> all;
    for (const NamedTensor& entry : backbone->state()) all.push_back(entry.tensor.detach().cpu().clone());
    return all;
  }

  SelfCommunicator alone;
  at::Device device;
  at::ScalarType type;
  std::unique_ptr<Backbone> backbone;
  ShardedClassifier classifier;
  GradientBuckets buckets;
  std::unique_ptr<Optimizer> optimizer;
  std::optional<LossScale> scale;
  TrainState state;
};

inline at::Tensor pictures(std::uint64_t seed) {
  return draw({kBatch, 3, 112, 112}, seed, at::kFloat).clamp_(-1, 1);
}

inline Config with_head(const std::string& head, std::vector<double> margin) {
  Config config;
  config.head.head = head;
  config.head.margin = std::move(margin);
  return config;
}

// Margins of every head of heads.def.
inline const std::map<std::string, std::vector<double>> kMargins = {
    {"arcface", {0.5}},          {"cosface", {0.4}},        {"sphereface", {1.7}},
    {"combined", {1, 0.3, 0.2}}, {"curricularface", {0.5}}, {"magface", {10, 110, 0.45, 0.8}},
    {"adaface", {0.4}},          {"uniface", {0.4, 5}},     {"circleloss", {0.25}}};

inline const BackboneSpec kSmall{.model = "mobilefacenet", .width = 0.25, .dropout = 0};

}  // namespace facetrain::test
