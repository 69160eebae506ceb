// Which classes take part in a step of partial FC (An et al. 2022, https://arxiv.org/abs/2203.15565): those
// that the global batch needs and random others. A pure function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/plan/class_shard.hpp"

namespace facetrain {

struct SampleKey {
  std::uint64_t seed = 42;
  std::uint32_t step = 0;  // global, 0-based
};

// The classes of `shard` that a step uses, as indices in the shard, ascending: every one that `labels` (the
// global batch's class ids; those of other shards are passed over) names, filled up to
// int(sample_rate * shard.count) with the others whose key RandomStream(seed, kSample, step, class id) is
// smallest. More positives than that: exactly the positives, as in the reference (PartialFC_V2.sample). A
// class's key depends on the seed, the step and the class alone, not on the world.
std::vector<std::int64_t> sample_classes(std::span<const std::int64_t> labels, const ClassShard& shard,
                                         double sample_rate, const SampleKey& key);

}  // namespace facetrain
