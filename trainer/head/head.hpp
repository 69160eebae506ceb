// The seam for margin losses: what happens between the cosines and the softmax. A head sees this rank's
// classes only.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "common/config/config.hpp"
#include "trainer/comm/communicator.hpp"

namespace facetrain {

struct HeadInput {
  at::Tensor cosines;  // (N, C) of the N rows of the global batch to this rank's C classes, in [-1, 1], with
                       // gradient
  at::Tensor labels;   // (N) int64: index among this rank's classes, or -1 where another rank owns the class
  at::Tensor norms;    // (N, 1) of the embeddings before normalisation, with gradient
  at::Tensor directions;   // (N, E) the normalised embeddings, with gradient
  at::Tensor classes;      // (N) int64: label among all classes, the same on every rank
  Communicator& trainers;  // for statistics over all ranks
};

struct HeadOutput {
  at::Tensor logits;                // (N, C) scaled logits for the distributed softmax
  std::optional<at::Tensor> extra;  // scalar added to the loss (MagFace's regulariser)
  std::optional<at::Tensor> loss;   // scalar: the head's own loss, instead of softmax cross-entropy (UniFace)
};

class Head {
 public:
  virtual ~Head() = default;
  // Of one training step: also moves the head's statistics on. Collective, and so is the backward.
  virtual HeadOutput forward(const HeadInput& input) = 0;
  // Puts parameters and statistics on the classifier's device, in its type (the classifier does so, once).
  virtual void to(at::Device, at::ScalarType) {}
  // Trained parameters (UniFace's bias) and saved statistics (CurricularFace's t, AdaFace's mean and std).
  // Both keep their identity from to() on: forward changes them in place, and so may a checkpoint.
  virtual std::vector<at::Tensor> parameters() { return {}; }
  virtual std::vector<at::Tensor> statistics() { return {}; }
};

// Throws Error(kConfig) for an unknown head or a wrong number of margins.
std::unique_ptr<Head> make_head(const Config& config);

}  // namespace facetrain
