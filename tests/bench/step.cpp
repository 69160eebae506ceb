// bench_step, rows 1, 2 and 4: one training step on a batch in memory, beside the reference's own network,
// head class and step in PyTorch (step_peer.py) in a process of its own, taking turns. The losses of the
// first steps are compared before anything is timed.
//   bench_step [ROW...] [--cpu]     --cpu: rows 1 and 2 in the small on the CPU, to see that they work
//   bench_step steady NETWORK BATCH PRECISION STEPS     pictures per second of ours alone, for row 6
// FACETRAIN_PYTHON: a Python with torch; FACETRAIN_REFERENCE: a clone of HaiyuWu/iccv2025-fr-competition;
// FACETRAIN_MOBILEFACENET: mobilefacenet.py of deepinsight/insightface's arcface_torch.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/cpu.hpp"
#include "common/error.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/peer_process.hpp"
#include "tests/bench/step_peer.hpp"
#include "tests/bench/training_step.hpp"
#include "tests/larger.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/step/keep_freed_memory.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

constexpr int kCompared = 3;  // steps whose losses are compared

struct Case {
  int row;
  const char* network;
  std::int64_t batch, classes;
  int rounds, steps;  // steps of a round
  double target;
};

struct Peer {
  const char* name;
  std::vector<std::string> options;
};

bool multiplies_bf16() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

Cost cost_of(TrainingStep& ours, int steps) {
  return measure(Clock::kProcess, [&] {
    for (int i = 0; i < steps; ++i) ours.step();
    (void)ours.loss();
  });
}

// Relative: of the first loss, and the largest of all, in which rounding has grown with each update.
struct Difference {
  double first = 0, largest = 0;
};
Difference compare_losses(PeerProcess& peer, const std::vector<double>& own) {
  Difference off;
  for (std::size_t i = 0; i < own.size(); ++i) {
    peer.tell("loss");
    // A batch that is learnt by heart has a loss of 0.
    const double one = std::abs(std::stod(peer.line()) - own[i]) / std::max(std::abs(own[i]), 1.0);
    if (i == 0) off.first = one;
    off.largest = test::larger(off.largest, one);
  }
  return off;
}

// Returns the ratio to the first peer, by the clock. Case.target 0: prints no row.
double run(const Case& c, const std::vector<Peer>& peers, at::Device device, double tolerance) {
  const bool gpu = !device.is_cpu();
  const int threads = gpu ? 1 : usable_processors();
  at::set_num_threads(threads);
  const std::string precision = gpu ? "fp16" : "fp32";
  const PeerFolder folder;
  SelfCommunicator alone;
  TrainingStep ours(step_config(c.network, c.batch, precision), c.classes, alone, device);
  ours.save(folder.path());
  std::vector<double> losses;
  for (int i = 0; i < kCompared; ++i) {
    ours.step();
    losses.push_back(ours.loss());
  }
  std::vector<std::unique_ptr<PeerProcess>> processes;
  std::vector<std::function<Cost()>> ways{[&] { return cost_of(ours, c.steps); }};
  std::printf("%s, batch %lld, %lld classes, %s, %d threads\n", c.network, static_cast<long long>(c.batch),
              static_cast<long long>(c.classes), precision.c_str(), threads);
  for (const Peer& peer : peers) {
    std::vector<std::string> options = peer.options;
    if (gpu) options.insert(options.end(), {"--device", "cuda"});
    processes.push_back(start_step_peer(folder.path(), c.network, c.classes, threads, options));
    PeerProcess& process = *processes.back();
    const Difference off = compare_losses(process, losses);
    std::printf(
        "  %s: the loss of the first step (%.5f) differs by %.2g (tolerance %g), of the first %d by %.2g at "
        "most "
        "(tolerance %g)\n",
        peer.name, losses.front(), off.first, tolerance, kCompared, off.largest, 100 * tolerance);
    if (!(off.first <= tolerance && off.largest <= 100 * tolerance))
      throw Error(ErrorKind::kInternal, std::string(c.network) + ": the peer's losses are not ours");
    ways.push_back([&process, &c] { return process.cost_of("steps " + std::to_string(c.steps)); });
  }
  std::optional<TrainingStep> low;  // ours in bfloat16, for the record
  if (!gpu && multiplies_bf16()) {
    low.emplace(step_config(c.network, c.batch, "bf16"), c.classes, alone, device);
    ways.push_back([&] { return cost_of(*low, c.steps); });
  }
  const auto images = static_cast<std::uint64_t>(c.batch * c.steps);
  const std::vector<Timing> timings = interleave(c.rounds, images, ways);
  std::printf("  %s\n", describe("ours", timings[0]).c_str());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const Timing& theirs = timings[i + 1];
    std::printf("  %s\n", describe(peers[i].name, theirs).c_str());
    const Ratio wall = wall_ratio(timings[0], theirs), cpu = cpu_ratio(timings[0], theirs);
    char what[300];
    std::snprintf(what, sizeof what,
                  "%s step, %s batch %lld %s / %s; by the other clock %.3f (median %.3f); ours %.1f img/s",
                  gpu ? "GPU" : "CPU", c.network, static_cast<long long>(c.batch), precision.c_str(),
                  peers[i].name, gpu ? cpu.best : wall.best, gpu ? cpu.median : wall.median,
                  1e6 / timings[0].best.wall_us);
    if (c.target > 0) print_row(c.row, gpu ? wall : cpu, c.target, what);
  }
  if (low) {
    std::printf("  %s\n", describe("ours in bf16", timings.back()).c_str());
    std::printf("INFO %d %s in bf16 / in float32, both ours: %.3f by processor time\n", c.row, c.network,
                cpu_ratio(timings.back(), timings[0]).best);
  }
  return wall_ratio(timings[0], timings[1]).best;
}

// Rows 1 and 2, on a GPU; or, --cpu, the same code in the small, which is no measurement.
void rows_on_gpu(bool row_1, bool row_2, bool small) {
  struct Kind {
    int row;
    double target;
    Peer peer;
  };
  std::vector<Kind> kinds;
  if (row_1) kinds.push_back({1, 1.8, {"the reference's step as train.py runs it (DDP)", {"--ddp"}}});
  if (row_2)
    kinds.push_back(
        {2, 1.1, {"PyTorch, channels last + torch.compile", {"--layout", "channels_last", "--compile"}}});
  for (const Kind& kind : kinds) {
    const std::string what = std::string("GPU step, r50se batch 128 fp16 / ") + kind.peer.name;
    if (device_count() > 0) {
      run({kind.row, "r50se", 128, 10'000, 9, 10, kind.target}, {kind.peer}, training_device({}), 2e-3);
    } else if (small) {
      const double ratio = run({kind.row, "r18se", 2, 16, 3, 1, 0}, {kind.peer}, at::kCPU, 1e-4);
      print_not_run(kind.row, kind.target, what,
                    std::string(why_no_device()) +
                        "; the code ran on the CPU in the small (r18se, batch 2: " + std::to_string(ratio) +
                        ")");
    } else {
      print_not_run(kind.row, kind.target, what, why_no_device());
    }
  }
}

// bench_step steady NETWORK BATCH PRECISION STEPS: prints pictures per second, the best of five rounds.
void steady(std::span<char* const> arguments) {
  if (arguments.size() != 6)
    throw Error(ErrorKind::kConfig, "usage: bench_step steady NETWORK BATCH PRECISION STEPS");
  const std::int64_t batch = std::atoll(arguments[3]);
  const int steps = std::atoi(arguments[5]);
  const at::Device device = training_device({});
  at::set_num_threads(device.is_cpu() ? usable_processors() : 1);
  SelfCommunicator alone;
  TrainingStep ours(step_config(arguments[2], batch, arguments[4]), 1000, alone, device);
  const std::vector<Timing> timings =
      interleave(5, static_cast<std::uint64_t>(batch * steps), {[&] { return cost_of(ours, steps); }});
  std::printf("%.2f\n", 1e6 / timings[0].best.wall_us);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
  std::vector<char*> rows;
  bool small = false;
  for (char* const argument : arguments) {
    if (std::strcmp(argument, "--cpu") == 0)
      small = true;
    else
      rows.push_back(argument);
  }
  try {
    if (argc > 1 && std::strcmp(argv[1], "steady") == 0) {
      steady(arguments);
      return 0;
    }
    rows_on_gpu(wanted(rows, 1), wanted(rows, 2), small);
    if (wanted(rows, 4)) {
      const std::vector<Peer> peers{{"the reference's step", {}},
                                    {"the reference's step, channels last", {"--layout", "channels_last"}}};
      for (const Case& c : {Case{4, "mbf", 32, 1000, 7, 2, 1.0}, Case{4, "r18", 16, 1000, 7, 1, 1.0},
                            Case{4, "r50", 8, 1000, 5, 1, 1.0}})
        run(c, peers, at::kCPU, 1e-4);
    }
    return 0;
  } catch (...) {
    std::cerr << "step: " << current_failure().text << "\n";
    return 1;
  }
}
