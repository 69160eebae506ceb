// Everything that training changes, as named tensors, so that a run can be written down and gone on with: the
// backbone, its BatchNorm buffers, the head's rows by class, the optimiser's memory, the loss scale.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "common/checkpoint/manifest.hpp"
#include "trainer/checkpoint/writer.hpp"
#include "trainer/step/train_step.hpp"

namespace facetrain {

struct StateTensor {
  std::string name;   // "backbone/conv1.weight", "momentum_buffer/head/weight"
  at::Tensor tensor;  // training's own: copying into it restores it
  Share share = Share::kReplicated;
};

// Of this rank, between two steps, in an order that is the same on all ranks. Reads nothing and changes
// nothing: rows that partial FC has left behind stay so, with their marks.
std::vector<StateTensor> training_state(TrainState& state);

// This rank's part of a checkpoint: its own tensors, and its share of those that are equal on all ranks.
// Waits for the device.
CheckpointImage capture(const std::vector<StateTensor>& state, int rank, int world);

// Which rank writes each of the tensors of `bytes` that all ranks have: consecutive ones, about equal shares.
std::vector<int> writers(const std::vector<std::uint64_t>& bytes, int world);

// A tensor of a checkpoint, on the CPU, as this rank needs it.
struct LoadedTensor {
  std::string name;
  at::Tensor tensor;
};

// What rank `rank` of `world` needs of the checkpoint in `folder`: of kRows its classes' rows, of kRank its
// own or, when the world was another, rank 0's. Verifies the checksums of all that it reads. Throws
// Error(kInput) for a damaged or missing file, Error(kIo) when reading fails.
std::vector<LoadedTensor> read_checkpoint(const std::string& folder, const Manifest& manifest, int rank,
                                          int world);

// Copies the tensors into the state. Throws Error(kConfig) when names, shapes or types differ; the loss scale
// alone may be missing on either side.
void restore(const std::vector<StateTensor>& state, const std::vector<LoadedTensor>& loaded);

}  // namespace facetrain
