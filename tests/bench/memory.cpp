// bench_memory, row 7: memory of the GPU that a training step leaves in use (nvidia-smi, so that contexts and
// caches count on both sides), IResNet-50 se, batch 128, 100,000 classes: ours, then the reference's step as
// train.py runs it, one after the other on an otherwise unused GPU.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>

#include "common/error.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/step_peer.hpp"
#include "tests/bench/training_step.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/cuda/device.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

constexpr double kTarget = 0.8;
constexpr std::int64_t kBatch = 128, kClasses = 100'000;
constexpr int kSteps = 10;
constexpr const char* kNetwork = "r50se";
constexpr const char* kWhat = "memory of the GPU, r50se, batch 128, 100,000 classes / the reference's step";

double used_mib() {
  std::FILE* pipe = ::popen("nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -i 0", "r");
  double mib = -1;
  const bool read = pipe != nullptr && std::fscanf(pipe, "%lf", &mib) == 1;
  if (pipe != nullptr) ::pclose(pipe);
  if (!read) throw Error(ErrorKind::kInternal, "nvidia-smi tells no memory in use");
  return mib;
}

// The child: takes its steps, saves its numbers for the peer, and stays until it is told to go.
void hold(const std::string& folder) {
  SelfCommunicator alone;
  TrainingStep step(step_config(kNetwork, kBatch, "fp16"), kClasses, alone, training_device({}));
  step.save(folder);
  for (int i = 0; i < kSteps; ++i) step.step();
  (void)step.loss();
  std::puts("ready");
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
}

void row_7(const char* program) {
  if (device_count() == 0) return print_not_run(7, kTarget, kWhat, why_no_device());
  const PeerFolder folder;
  const double before = used_mib();
  double ours = 0;
  {
    PeerProcess process({program, "hold", folder.path()});
    while (process.line() != "ready") {
    }
    ours = used_mib() - before;
  }
  const auto peer = start_step_peer(folder.path(), kNetwork, kClasses, 1, {"--device", "cuda", "--ddp"});
  (void)peer->cost_of("steps " + std::to_string(kSteps));
  const double theirs = used_mib() - before;
  std::printf("ours %.0f MiB, the reference's %.0f MiB\n", ours, theirs);
  print_row(7, ours / theirs, kTarget, kWhat, Bound::kAtMost);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3 && std::strcmp(argv[1], "hold") == 0) {
      hold(argv[2]);
    } else if (wanted({argv, static_cast<std::size_t>(argc)}, 7)) {
      row_7(argv[0]);
    }
    return 0;
  } catch (...) {
    std::cerr << "memory: " << current_failure().text << "\n";
    return 1;
  }
}
