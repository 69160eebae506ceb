// Row 7: the worker pool with 2 threads beside 1 thread, whole chain into memory. The measure is the time in
// which a thread ran or waited for another of ours; the time in which it could run but the machine gave it no
// processor is not counted (on an idle machine that is none, and the measure is the clock's).
#include <cstdio>
#include <iostream>

#include "common/error.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/pictures.hpp"
#include "tests/bench/service_process.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

constexpr std::int64_t kBatch = 128;
constexpr std::uint64_t kBatches = 24;

// Thread-microseconds of a round, in cpu_us's place.
Cost occupied(MemoryPipeline& pipeline, int threads) {
  const double waited_before = waited_for_processor_us();
  Cost cost = measure(Clock::kProcess, [&] { pipeline.fill(kBatches); });
  const double waited = waited_for_processor_us() - waited_before;
  return {(cost.wall_us * threads - waited) / threads, cost.wall_us};
}

void row_7() {
  const Pictures pictures(Quality::k90);
  const MemorySource source(pictures.all(), 16);
  const Config config = whole_chain(kBatch, 1);
  // One pipeline at a time: the waiting of idle threads must not be counted with the other's.
  const auto run = [&](int threads) {
    MemoryPipeline pipeline(config, threads, source, 6);
    pipeline.fill(4);
    return occupied(pipeline, threads);
  };
  const auto timings = interleave(17, kBatches * kBatch, {[&] { return run(2); }, [&] { return run(1); }});
  std::puts(describe("2 threads (processor: time per thread, without waiting for a processor)", timings[0])
                .c_str());
  std::puts(describe("1 thread", timings[1]).c_str());
  print_row(7, cpu_ratio(timings[0], timings[1]), 1.9, "2 threads / 1 thread");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (wanted({argv, static_cast<std::size_t>(argc)}, 7)) row_7();
    return 0;
  } catch (...) {
    std::cerr << "threads: " << current_failure().text << "\n";
    return 1;
  }
}
