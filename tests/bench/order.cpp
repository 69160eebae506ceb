// What strategy "chunked" of the sample plan costs in randomness, beside "exact": computed from the plan
// alone, no picture is read.   bench_order [IDENTITIES] [PICTURES OF EACH] [GLOBAL BATCH] [NODES]     (100000
// 50 512 1)
//   labels a batch   different labels in a step's global batch (mean over an epoch)
//   distance         between neighbours of a node's order in the data set, as a share of the data set (mean;
//                    two random places: 0.333)
//   span             of an epoch that lies between an identity's first and last picture (mean over
//   identities) read at once     consecutive samples that are fetched together held             samples in a
//   node's page cache (two windows), in GB with 5 KB a picture
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>
#include <vector>

#include "common/plan/chunked_plan.hpp"

namespace facetrain {
namespace {

struct Trade {
  double labels = 0, distance = 0, span = 0, seconds = 0;
};

Trade trade_of(const PlanShape& shape, std::uint32_t per_identity) {
  Trade trade;
  const std::clock_t start = std::clock();  // processor time
  const EpochOrder order(shape, 1);
  trade.seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;

  const std::uint32_t identities = shape.samples / per_identity;
  const std::uint64_t batch = std::uint64_t{shape.world} * shape.batch, steps = shape.steps_per_epoch();
  std::vector<std::uint64_t> last_step(identities, ~std::uint64_t{0}), first(identities, ~std::uint64_t{0}),
      last(identities, 0);
  std::vector<std::uint32_t> before(shape.nodes);
  std::uint64_t labels = 0;
  for (std::uint64_t place = 0; place < steps * batch; ++place) {
    const std::uint32_t sample = order.sample_at(place), label = sample / per_identity;
    if (last_step[label] != place / batch) ++labels;
    last_step[label] = place / batch;
    first[label] = std::min(first[label], place);
    last[label] = place;
    std::uint32_t& neighbour = before[node_of_rank(shape, static_cast<std::uint32_t>(place % shape.world))];
    if (place >= shape.world)
      trade.distance += std::abs(static_cast<double>(sample) - static_cast<double>(neighbour));
    neighbour = sample;
  }
  trade.labels = static_cast<double>(labels) / static_cast<double>(steps);
  trade.distance /= static_cast<double>(steps * batch - shape.world) * shape.samples;
  for (std::uint32_t label = 0; label < identities; ++label)
    if (last[label] >= first[label]) trade.span += static_cast<double>(last[label] - first[label]);
  trade.span /= static_cast<double>(identities) * static_cast<double>(steps * batch);
  return trade;
}

void print(const char* order, const PlanShape& shape, const Trade& trade) {
  const bool chunked = shape.strategy == Strategy::kChunked;
  char window[32] = "-", held[32] = "all";
  if (chunked) {
    std::snprintf(window, sizeof window, "%u", shape.window);
    std::snprintf(held, sizeof held, "%.2f",
                  2.0 * std::min(shape.window, shape.samples / shape.nodes) * 5e3 / 1e9);
  }
  std::printf("| %s | %u | %s | %.1f | %.3f | %.3f | %s | %.2f |\n", order, chunked ? shape.shard : 1, window,
              trade.labels, trade.distance, trade.span, held, trade.seconds);
  std::fflush(stdout);
}

}  // namespace
}  // namespace facetrain

int main(int argc, char** argv) {
  using namespace facetrain;
  const auto number = [&](int k, std::uint32_t otherwise) {
    return argc > k ? static_cast<std::uint32_t>(std::strtoul(argv[k], nullptr, 10)) : otherwise;
  };
  const std::uint32_t identities = number(1, 100'000), each = number(2, 50), batch = number(3, 512),
                      nodes = number(4, 1);
  const PlanShape exact{
      .samples = identities * each, .world = 4 * nodes, .batch = batch / (4 * nodes), .nodes = nodes};
  if (exact.steps_per_epoch() == 0) {
    std::fprintf(stderr, "bench_order: fewer pictures than a batch, or a batch smaller than its trainers\n");
    return 2;
  }
  std::printf("%u identities of %u pictures, %u nodes with 4 trainers, global batch %u\n", identities, each,
              nodes, exact.world * exact.batch);
  std::printf(
      "| order | read at once | window | labels a batch | distance | span | held, GB | s to make |\n"
      "|---|---|---|---|---|---|---|---|\n");
  print("exact", exact, trade_of(exact, each));
  const std::pair<std::uint32_t, std::uint32_t> pieces[] = {{2048, 8192},    {2048, 65536}, {2048, 262144},
                                                            {2048, 1048576}, {8192, 65536}, {8192, 262144},
                                                            {16, 65536},     {16, 262144}};
  for (const auto& [shard, window] : pieces) {
    PlanShape shape = exact;
    shape.strategy = Strategy::kChunked;
    shape.shard = shard;
    shape.window = window;
    print("chunked", shape, trade_of(shape, each));
  }
  return 0;
}
