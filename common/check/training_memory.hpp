// An estimate of what one trainer holds in the memory of its GPU (or, on a CPU, of the node).
#pragma once

#include <cstdint>
#include <optional>

#include "common/check/finding.hpp"
#include "common/check/network_size.hpp"
#include "common/config/config.hpp"

namespace facetrain {

// In bytes, with P parameters, S optimiser states (SGD 1, AdamW 2), B the batch of a rank, C classes, R
// ranks, E the embedding size, n bytes of an activation (2 in fp16 and bf16, 8 in fp64, else 4):
//   parameters  = P x 4 x (2 + S), and P x 2 more for autocast's copies in fp16 and bf16
//   activations = B x kept_numbers x n
//   head        = C / R x E x 4 x (2 + S) for the centres, and R B x C / R x head.sample_rate x 4 x 3 for
//                 cosines, probabilities and their gradient
// Not in it: the CUDA context, cuDNN's workspaces, and what the allocator keeps.
struct TrainingMemory {
  double parameters = 0, activations = 0, head = 0;
  double total() const { return parameters + activations + head; }
};
TrainingMemory training_memory(const Config& config, const NetworkSize& size, std::uint64_t classes,
                               int ranks);

// Against a GPU of `gpu_bytes`, if that is known. Refused when the estimate alone does not fit, warned above
// four fifths.
Findings gpu_memory_findings(const TrainingMemory& memory, const std::optional<double>& gpu_bytes);

// The memory of the smallest GPU that nvidia-smi reports, or nothing.
std::optional<double> smallest_gpu_bytes();

}  // namespace facetrain
