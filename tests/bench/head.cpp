// bench_head, row 3: the head and its optimiser alone, with the classes of one GPU of eight (12,500 of
// 100,000) and the rows of all eight (8 x 128): forward, backward, SGD of the centres; beside the reference's
// PartialFC_V2, ArcFace and torch.optim.SGD (step_peer.py --head-only). One rank, so no exchange.
//   bench_head [ROW...] [--cpu]     --cpu: in the small on the CPU, to see that it works
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/step_peer.hpp"
#include "tests/bench/training_step.hpp"
#include "tests/larger.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/head/head.hpp"
#include "trainer/step/keep_freed_memory.hpp"
#include "trainer/weights/weights.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

constexpr double kMilliseconds = 0.25, kSpeed = 3;
constexpr const char* kWhat = "head + its optimiser";

class HeadStep {
 public:
  HeadStep(std::int64_t classes, std::int64_t rows, Communicator& trainers, at::Device device)
      : config_(step_config("r50", rows, device.is_cpu() ? "fp32" : "fp16")),
        classifier_(classifier_of(config_, classes, device), make_head(config_), trainers) {
    at::Generator generator = at::detail::createCPUGenerator(1);
    embeddings_ = at::randn({rows, 512}, generator).to(device).requires_grad_();
    labels_ = at::randint(classes, {rows}, generator, at::kLong);
    std::vector<TrainedParameter> parameters;
    for (const at::Tensor& parameter : classifier_.parameters()) parameters.push_back({parameter, true});
    optimizer_ = make_optimizer(config_, parameters);
  }

  void step() {
    embeddings_.mutable_grad() = at::Tensor();
    for (at::Tensor& parameter : classifier_.parameters()) parameter.mutable_grad() = at::Tensor();
    at::Tensor loss = classifier_.loss(embeddings_, labels_);
    loss.backward();
    optimizer_->step(config_.train.lr);
    loss_ = loss.detach();
  }
  double loss() const { return loss_.item<double>(); }
  void save(const std::string& folder) {
    save_state_dict(folder + "/head.pth", {{"weight", classifier_.weight().detach()}});
    write_tensor(folder + "/embeddings.f32", embeddings_.detach().to(at::kCPU));
    write_tensor(folder + "/labels.i64", labels_);
  }

 private:
  Config config_;
  ShardedClassifier classifier_;
  at::Tensor embeddings_, labels_, loss_;
  std::unique_ptr<Optimizer> optimizer_;
};

struct Result {
  double milliseconds = 0;
  Ratio ratio;
};

Result run(std::int64_t classes, std::int64_t rows, at::Device device, int rounds, int steps) {
  const bool gpu = !device.is_cpu();
  at::set_num_threads(1);
  const PeerFolder folder;
  SelfCommunicator alone;
  HeadStep ours(classes, rows, alone, device);
  ours.save(folder.path());
  std::vector<std::string> options{"--head-only"};
  if (gpu) options.insert(options.end(), {"--device", "cuda"});
  const auto peer = start_step_peer(folder.path(), "r50", classes, 1, options);
  double off = 0;
  for (int i = 0; i < 3; ++i) {
    ours.step();
    peer->tell("loss");
    off = test::larger(off, std::abs(std::stod(peer->line()) / ours.loss() - 1));
  }
  const double tolerance = gpu ? 1e-2 : 1e-4;
  std::printf("%lld classes x %lld rows: the losses of the first 3 steps differ by %.2g; tolerance %g\n",
              static_cast<long long>(classes), static_cast<long long>(rows), off, tolerance);
  if (!(off <= tolerance)) throw Error(ErrorKind::kInternal, "the peer's losses are not ours");
  const auto timings = interleave(rounds, static_cast<std::uint64_t>(steps),
                                  {[&] {
                                     return measure(Clock::kProcess, [&] {
                                       for (int i = 0; i < steps; ++i) ours.step();
                                       (void)ours.loss();
                                     });
                                   },
                                   [&] { return peer->cost_of("steps " + std::to_string(steps)); }});
  std::printf("  (an image is a step here) %s\n  %s\n", describe("ours", timings[0]).c_str(),
              describe("the reference's", timings[1]).c_str());
  return {timings[0].best.wall_us / 1e3,
          gpu ? wall_ratio(timings[0], timings[1]) : cpu_ratio(timings[0], timings[1])};
}

void row_3(bool small) {
  const std::string shape = std::string(kWhat) + ", 12,500 classes x 1,024 rows";
  if (device_count() > 0) {
    const Result result = run(12'500, 1024, training_device({}), 9, 50);
    print_row(3, result.milliseconds, kMilliseconds, shape + ", milliseconds", Bound::kAtMost);
    print_row(3, result.ratio, kSpeed, shape + " / the reference's");
    return;
  }
  std::string why = why_no_device();
  if (small) {
    const Result result = run(1000, 64, at::kCPU, 5, 5);
    why += "; the code ran on the CPU in the small (1,000 x 64: " + std::to_string(result.ratio.best) + ")";
  }
  print_not_run(3, kSpeed, shape, why);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  std::vector<char*> rows;
  bool small = false;
  for (char* const argument : std::span(argv, static_cast<std::size_t>(argc))) {
    if (std::strcmp(argument, "--cpu") == 0)
      small = true;
    else
      rows.push_back(argument);
  }
  try {
    if (wanted(rows, 3)) row_3(small);
    return 0;
  } catch (...) {
    std::cerr << "head: " << current_failure().text << "\n";
    return 1;
  }
}
