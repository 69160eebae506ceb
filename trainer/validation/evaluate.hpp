// Validation during training: all ranks embed a share of each set, with rank 0's BatchNorm statistics (those
// are saved with the model), and rank 0 measures. Every rank learns the result.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "trainer/backbones/backbone.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/validation/embed.hpp"
#include "trainer/validation/validation_set.hpp"
#include "trainer/validation/verification.hpp"

namespace facetrain {

struct SetAccuracy {
  std::string name;
  Accuracy accuracy;
};

struct ValidationResult {
  std::vector<SetAccuracy> sets;
  double mean_accuracy = 0;  // of the sets' accuracies as rounded to 5 digits, as the reference averages them
};

struct ValidationOptions {
  Fusion fusion = Fusion::kAdd;
  Metric metric = Metric::kSquaredL2;
  std::size_t batch = 128;  // pictures per forward pass
  PictureFormat format;
};

// Collective: every rank calls it with the same sets. The network is in eval mode meanwhile and in train mode
// after; its buffers are as before when it returns or throws. `say` is called on rank 0 with the reference's
// lines, each as soon as it is known: "Validating...", one per set, "Mean accuracy: ...". A network that
// diverged (NaN) accepts no pair; that is an accuracy, not an error, as in the reference.
ValidationResult evaluate(Backbone& backbone, Communicator& trainers, std::span<const ValidationSet> sets,
                          const ValidationOptions& options,
                          const std::function<void(const std::string&)>& say);

}  // namespace facetrain
