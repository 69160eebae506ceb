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

inline constexpr double kLogitScale = 64.0;  // s of every head here but CircleLoss

struct HeadInput {
  at::Tensor cosines;  // (N, C) of the N rows of the global batch to this rank's C classes, in [-1, 1] up to
                       // rounding, perhaps in half precision, with gradient
  at::Tensor target;   // (N, 1) the true class's of them, 0 where another rank owns the class; in the
                       // softmax's type, with gradient
  at::Tensor labels;   // (N) int64: index among this rank's classes, or -1 where another rank owns the class
  at::Tensor norms;    // (N, 1) of the embeddings before normalisation, with gradient
  at::Tensor directions;   // (N, E) the normalised embeddings, with gradient
  at::Tensor classes;      // (N) int64: label among all classes, the same on every rank
  Communicator& trainers;  // for statistics over all ranks
};

// Logits of a head that changes the true class's only: kLogitScale times the cosines clamped to +-bound, and
// kLogitScale times `target` (N, 1) for the true class. No (N, C) tensor but the cosines is needed.
struct TargetMargin {
  double bound = 1;
  at::Tensor target;  // with gradient; any value where another rank owns the class
};

// One of the first three; and what is added.
struct HeadOutput {
  std::optional<TargetMargin> margin = {};
  at::Tensor logits = {};  // (N, C) scaled logits, in the softmax's type; the backward overwrites them
  std::optional<at::Tensor> loss = {};   // scalar: the head's own, instead of softmax cross-entropy (UniFace)
  std::optional<at::Tensor> extra = {};  // scalar added to the loss (MagFace's regulariser)
};

class Head {
 public:
  virtual ~Head() = default;
  // Whether it looks at the input's norms and directions; if not, they may be undefined.
  virtual bool reads_embeddings() const { return true; }
  // Of one training step: also moves the head's statistics on. Collective, and so is the backward.
  virtual HeadOutput forward(const HeadInput& input) = 0;
  // No logit of a class that is not the row's own is above it.
  virtual double bound() const { return kLogitScale; }
  // Puts parameters and statistics on the classifier's device, in its type (the classifier does so, once).
  virtual void to(at::Device, at::ScalarType) {}
  // Trained parameters (UniFace's bias) and saved statistics (CurricularFace's t, AdaFace's mean and std).
  // Both keep their identity from to() on: forward changes them in place, and so may a checkpoint.
  virtual std::vector<at::Tensor> parameters() { return {}; }
  virtual std::vector<at::Tensor> statistics() { return {}; }
};

// The cosines of `input` as a head needs them that changes every class's: in the softmax's type, within [-1,
// 1].
at::Tensor whole_cosines(const HeadInput& input);

// Throws Error(kConfig) for an unknown head or a wrong number of margins.
std::unique_ptr<Head> make_head(const Config& config);

}  // namespace facetrain
