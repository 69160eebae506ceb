#include "common/plan/chunked_plan.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/plan/philox.hpp"

namespace facetrain {
namespace {

// position 0: the shards; 1 + k: the window that begins at place k of the line.
void shuffle(std::uint32_t* first, std::uint64_t count, RandomStream draw) {
  for (std::uint64_t left = count; left > 1; --left)
    std::swap(first[left - 1], first[draw.below(static_cast<std::uint32_t>(left))]);
}

std::uint32_t first_rank(const PlanShape& shape, std::uint32_t node) {
  return static_cast<std::uint32_t>((std::uint64_t{node} * shape.world + shape.nodes - 1) / shape.nodes);
}

}  // namespace

std::uint32_t node_of_rank(const PlanShape& shape, std::uint32_t rank) {
  return static_cast<std::uint32_t>(std::uint64_t{rank} * shape.nodes / shape.world);
}

SampleRange node_share(const PlanShape& shape, std::uint32_t node) {
  const std::uint64_t n = shape.ordered_samples();
  const std::uint64_t begin = n * first_rank(shape, node) / shape.world;
  return {begin, n * first_rank(shape, node + 1) / shape.world - begin};
}

std::vector<std::uint32_t> shuffled_shards(const PlanShape& shape, std::uint32_t epoch) {
  std::vector<std::uint32_t> shards((std::uint64_t{shape.ordered_samples()} + shape.shard - 1) / shape.shard);
  std::iota(shards.begin(), shards.end(), 0u);
  shuffle(shards.data(), shards.size(), RandomStream(shape.seed, Purpose::kOrder, epoch, 0));
  return shards;
}

std::vector<SampleRange> samples_at(const PlanShape& shape, const std::vector<std::uint32_t>& shards,
                                    SampleRange places) {
  std::vector<SampleRange> ranges;
  std::uint64_t at = 0;  // place of the shard's first sample; not a product, as one shard is shorter
  for (const std::uint32_t shard : shards) {
    const std::uint64_t first = std::uint64_t{shard} * shape.shard;
    const std::uint64_t size = std::min<std::uint64_t>(shape.shard, shape.ordered_samples() - first);
    const std::uint64_t begin = std::max(at, places.first);
    const std::uint64_t end = std::min(at + size, places.first + places.count);
    if (begin < end) ranges.push_back({first + (begin - at), end - begin});
    at += size;
  }
  return ranges;
}

std::vector<std::uint32_t> chunked_order(const PlanShape& shape, std::uint32_t epoch) {
  const std::uint32_t n = shape.ordered_samples();
  std::vector<std::uint32_t> line;
  line.reserve(n);
  for (const SampleRange& range : samples_at(shape, shuffled_shards(shape, epoch), {0, n}))
    for (std::uint64_t k = 0; k < range.count; ++k)
      line.push_back(static_cast<std::uint32_t>(range.first + k));

  std::vector<std::uint64_t> next(shape.nodes), end(shape.nodes);
  for (std::uint32_t node = 0; node < shape.nodes; ++node) {
    const SampleRange share = node_share(shape, node);
    next[node] = share.first;
    end[node] = share.first + share.count;
    for (std::uint64_t at = share.first; at < end[node]; at += shape.window)
      shuffle(line.data() + at, std::min<std::uint64_t>(shape.window, end[node] - at),
              RandomStream(shape.seed, Purpose::kOrder, epoch, 1 + at));
  }

  std::vector<std::uint32_t> node_of(shape.world), order(n);
  for (std::uint32_t rank = 0; rank < shape.world; ++rank) node_of[rank] = node_of_rank(shape, rank);
  for (std::uint32_t place = 0, rank = 0; place < n; ++place, rank = rank + 1 == shape.world ? 0 : rank + 1) {
    std::uint32_t node = node_of[rank];
    if (next[node] == end[node])  // in the last, incomplete round of the ranks
      for (node = 0; next[node] == end[node];) ++node;
    order[place] = line[next[node]++];
  }
  return order;
}

}  // namespace facetrain
