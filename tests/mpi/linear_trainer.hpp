// Everything one rank needs to train, around the smallest backbone: for tests of the step.
#pragma once

#include <memory>
#include <optional>

#include "tests/mpi/linear_backbone.hpp"
#include "trainer/optim/sgd.hpp"
#include "trainer/step/train_step.hpp"

namespace facetrain::test {

struct LinearRule {
  double momentum = 0.9, weight_decay = 0.1;
  std::optional<double> loss_scale = std::nullopt;
};

struct LinearTrainer {
  LinearBackbone backbone;
  ShardedClassifier classifier;
  GradientBuckets buckets;
  Sgd optimizer;
  std::optional<LossScale> scale;
  TrainState state;

  LinearTrainer(std::int64_t pixels, const ClassifierSpec& spec, std::unique_ptr<Head> head,
                Communicator& trainers, const LinearRule& rule)
      : backbone(pixels, spec.embedding_size, spec.dtype),
        classifier(spec, std::move(head), trainers),
        buckets(trainable_parameters(backbone), trainers, 16u << 20, at::kFloat, weight_decays(backbone)),
        optimizer(trained_parameters(backbone, classifier), rule.momentum, rule.weight_decay,
                  classifier.sparse_centres(), buckets.buckets()),
        scale(rule.loss_scale ? std::optional<LossScale>(std::in_place, at::kCPU, *rule.loss_scale)
                              : std::nullopt),
        state{backbone, classifier, buckets, optimizer, scale ? &*scale : nullptr, trainers} {}
};

}  // namespace facetrain::test
