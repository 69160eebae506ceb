// Strategy "chunked" of the sample plan, for data sets that are read in large pieces: the samples are cut
// into shards of consecutive ones, the shards are shuffled and laid end to end, each node gets a share of
// equal length of that line, and inside its share the samples are shuffled window by window. So a node reads
// its shards one after the other and holds a window of samples at a time; every sample comes exactly once an
// epoch.
//
// What stays the same: all of it is a pure function of (samples, shard, window, nodes, world, seed, epoch).
// With equally many trainers on each of `nodes` nodes, a step's set of samples does not depend on how many
// these are while world x batch is the same; for another number of nodes it is another order (exact: for
// none). The division over nodes follows mosaicml/streaming (streaming/base/partition/orig.py), but nothing
// is padded or repeated: shares are cut inside a shard where their lengths ask for it.
#pragma once

#include <cstdint>
#include <vector>

#include "common/plan/sample_plan.hpp"

namespace facetrain {

// Consecutive samples of the data set, or consecutive places in the line of shuffled shards.
struct SampleRange {
  std::uint64_t first = 0, count = 0;
  bool operator==(const SampleRange&) const = default;
};

// The node that rank `rank` belongs to: the ranks are divided in order, and equally when nodes divides world.
// (A job whose nodes have unequal numbers of trainers is served right all the same; only some shards are then
// read by two nodes.)
std::uint32_t node_of_rank(const PlanShape& shape, std::uint32_t rank);

// The share of the line that is the node's: at least steps_per_epoch() x batch x (its ranks) places, at most
// one more than samples x (its ranks) / world.
SampleRange node_share(const PlanShape& shape, std::uint32_t node);

// The numbers of the epoch's shards, in the order of the line. Shard k holds the samples from k * shape.shard
// on.
std::vector<std::uint32_t> shuffled_shards(const PlanShape& shape, std::uint32_t epoch);

// The samples at places `places` of the line, before the shuffle inside the windows: what has to be read for
// them, a range for each shard. shards: shuffled_shards() of the epoch.
std::vector<SampleRange> samples_at(const PlanShape& shape, const std::vector<std::uint32_t>& shards,
                                    SampleRange places);

// The epoch's order: the sample at each place of the global order. Sample k of a node's share is at the k-th
// place of its ranks; the few places that no step reaches take what the shares have left.
std::vector<std::uint32_t> chunked_order(const PlanShape& shape, std::uint32_t epoch);

}  // namespace facetrain
