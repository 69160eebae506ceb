// Which samples an epoch trains on, for whom, in which order: pure functions of (n, seed, epoch, world,
// batch, strategy). Strategy "exact" is torch's DistributedSampler as the reference uses it (data/dist.py):
// randperm seeded 2048 + epoch, wrapped to a multiple of the world, strided by rank, last incomplete batch
// dropped. Strategy "chunked" (chunked_plan.hpp) is for large sequential reads: every sample at most once,
// less than one global batch (times `accumulate`) dropped. Strategy "sequential" is every sample once, in
// order; places past the last are padding.
#pragma once

#include <cstdint>
#include <vector>

#include "common/config/config.hpp"

namespace facetrain {

// torch.randperm(n, generator=torch.Generator().manual_seed(seed)) on the CPU, bit for bit: std::mt19937 and
// torch's Fisher-Yates (aten/src/ATen/native/TensorFactories.cpp). n < 2^32 / 20 draws one word a swap, above
// it two.
std::vector<std::uint32_t> torch_randperm(std::uint32_t n, std::uint64_t seed);

enum class Strategy {
  kExact,       // the reference's order
  kChunked,     // shards, then samples inside a window
  kSequential,  // 0, 1 .. n - 1 (facetrain embed)
};

struct PlanShape {
  std::uint32_t samples = 0;     // n, images in the data set
  std::uint32_t world = 1;       // trainer ranks in the job
  std::uint32_t batch = 1;       // samples a rank takes per step
  std::uint32_t accumulate = 1;  // steps whose gradients make one update; an epoch has whole groups of them
  std::uint64_t seed = 2048;     // the sampler's seed; epoch is added
  std::uint32_t fixed_size = 0;  // images of an epoch, at most n; 0: all
  bool redraw = false;           // fixed_size: which of the n is drawn anew each epoch; else always the first
  Strategy strategy = Strategy::kExact;
  std::uint32_t nodes = 1;        // chunked: nodes of the job, at most world
  std::uint32_t shard = 2048;     // chunked: consecutive samples that stay together
  std::uint32_t window = 262144;  // chunked: places of a node that are shuffled together

  // How many samples an epoch's order is of.
  std::uint32_t ordered_samples() const { return redraw ? samples : samples_per_epoch(); }
  std::uint32_t samples_per_epoch() const { return fixed_size > 0 ? fixed_size : samples; }
  std::uint64_t samples_per_rank() const {
    return (static_cast<std::uint64_t>(samples_per_epoch()) + world - 1) / world;
  }
  // ceil(n / world) / batch: the reference's count, with the last incomplete batch dropped. Likewise the last
  // incomplete group of `accumulate` steps: k steps of batch b take the samples of one step of batch k * b.
  // Chunked: floor instead of ceil, so that no sample comes twice.
  // Sequential: the incomplete batch counts too, and there are no groups.
  std::uint64_t steps_per_epoch() const {
    if (strategy == Strategy::kSequential) return (samples_per_rank() + batch - 1) / batch;
    const std::uint64_t each =
        strategy == Strategy::kChunked ? samples_per_epoch() / world : samples_per_rank();
    return each / batch / accumulate * accumulate;
  }
  // Sequential: no sample stands at this place; others: never.
  bool is_padding(std::uint64_t position) const {
    return strategy == Strategy::kSequential && position >= samples;
  }
  // Place in the epoch's global order of row `row` of rank `rank` at `step` (0-based).
  // The same at every world size while world x batch is the same: a step covers one contiguous block of the
  // order.
  std::uint64_t position(std::uint64_t step, std::uint32_t rank, std::uint32_t row) const {
    return (step * batch + row) * world + rank;
  }
};

// The plan of a job: `samples` in the data set, `world` trainers on `nodes` nodes. Throws Error(kConfig) when
// data.fixed_size is more than there are, or when not even one step is full.
PlanShape plan_shape(const Config& config, std::uint32_t samples, std::uint32_t world,
                     std::uint32_t nodes = 1);

// One epoch's order, which is gone through again from the front when it is too short. With fixed_size N the
// reference permutes the first N samples (its data set says that it has no more); with redraw the order is of
// all n, as its sampler gives when it knows of all, and the epoch ends after the first N.
std::vector<std::uint32_t> epoch_order(const PlanShape& shape, std::uint32_t epoch);

// One epoch's order. Holds the permutation (4 bytes a sample).
class EpochOrder {
 public:
  EpochOrder(const PlanShape& shape, std::uint32_t epoch)
      : shape_(shape), order_(epoch_order(shape, epoch)) {}

  bool is_padding(std::uint64_t position) const { return shape_.is_padding(position); }
  // The sample id (index in the sorted list) at a global position; positions past the end wrap to the front.
  std::uint32_t sample_at(std::uint64_t position) const { return order_[position % order_.size()]; }
  std::uint32_t sample(std::uint64_t step, std::uint32_t rank, std::uint32_t row) const {
    return sample_at(shape_.position(step, rank, row));
  }

 private:
  PlanShape shape_;
  std::vector<std::uint32_t> order_;
};

}  // namespace facetrain
