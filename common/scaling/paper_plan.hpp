// A large job on paper: what the programs would do, computed by the functions that they use (the sample plan,
// the division of the classes, the estimate of a GPU's memory), without a cluster and without data.
#pragma once

#include <cstdint>

#include "common/check/network_size.hpp"
#include "common/check/training_memory.hpp"
#include "common/config/config.hpp"

namespace facetrain {

struct PaperCluster {
  int nodes = 64;
  int node_gpus = 8;
  double disk_bytes = 1e12;  // of a node, free for data.stage
  int gpus() const { return nodes * node_gpus; }
};

// One epoch's order of `images`.
struct PaperOrder {
  std::uint64_t steps = 0;          // of an epoch
  std::uint64_t left_out = 0;       // images that no step of the epoch takes
  std::uint64_t repeated = 0;       // images that are taken more than once, each time counted
  std::uint64_t service_bytes = 0;  // of the order in a data service's memory
  double seconds = 0;               // of processor time that one epoch's order has just taken
};
// Goes through the whole order and counts. Throws Error(kConfig) as plan_shape().
PaperOrder paper_order(const Config& config, std::uint32_t images, const PaperCluster& cluster);

// What the nodes read. Bytes are of a packed source with image_bytes for each picture.
struct PaperStaging {
  double pack_bytes = 0;    // what data.stage copies to each node
  bool fits = false;        // on a node's disk
  double epoch_bytes = 0;   // order = chunked, unstaged: what the busiest node reads in an epoch
  std::uint64_t reads = 0;  // ... in how many pieces
  double window_bytes = 0;  // ... and how much of it is in its page cache at a time: two windows
};
PaperStaging paper_staging(const Config& config, std::uint32_t images, double image_bytes,
                           const PaperCluster& cluster);

// The head and the rest of a GPU's memory.
struct PaperHead {
  std::int64_t fewest = 0, most = 0;  // classes of a GPU
  TrainingMemory memory;              // of the GPU with the most
};
PaperHead paper_head(const Config& config, const NetworkSize& size, std::int64_t classes,
                     const PaperCluster& cluster);

}  // namespace facetrain
