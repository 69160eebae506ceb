// bench_rank_steps, rows 5 and 8, under mpirun (ranks.sh):
//   8  on a CPU, two ranks of a thread each / one rank of two threads, the same global batch; both ways in
//   one
//      run, in turns; rank 1 sleeps while rank 0 works alone
//   5  on GPUs, a rank on each: the share of a step that waits for other ranks (facetrain train --profile
//      measures the same), and the bus bandwidth of an all-reduce of a bucket of 16 MB
//   mpirun -np N bench_rank_steps 5|8 [--cpu]      --cpu: row 5's code on the CPU, to see that it works
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/mpi/communicators.hpp"
#include "tests/bench/bus_bandwidth.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/training_step.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/step/keep_freed_memory.hpp"
#include "trainer/step/profiled_communicator.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

constexpr std::int64_t kClasses = 1000;

Cost on_clock(const std::function<void()>& work) {
  return measure(Clock::kProcess, work);
}

void row_8(MpiSession& mpi, const char* network, std::int64_t global_batch, int rounds, int steps) {
  MpiCommunicator both(duplicate_world(mpi));
  const bool leads = both.rank() == 0;
  SelfCommunicator alone;
  std::optional<TrainingStep> one;
  TrainingStep half(step_config(network, global_batch / 2, "fp32"), kClasses, both, at::kCPU);
  if (leads) one.emplace(step_config(network, global_batch, "fp32"), kClasses, alone, at::kCPU);
  const auto two_ranks = [&] {
    at::set_num_threads(1);
    both.barrier();
    Cost cost = on_clock([&] {
      for (int i = 0; i < steps; ++i) half.step();
      both.barrier();
    });
    at::Tensor cpu = at::full({1}, cost.cpu_us, at::kDouble);  // of both processes
    both.all_reduce(cpu, ReduceOp::kSum);
    cost.cpu_us = cpu.item<double>();
    return cost;
  };
  const auto one_rank = [&] {
    at::set_num_threads(2);
    both.barrier();
    const Cost cost = on_clock([&] {
      for (int i = 0; leads && i < steps; ++i) one->step();
    });
    both.barrier();  // the MPI thread naps while it waits
    return cost;
  };
  const auto images = static_cast<std::uint64_t>(global_batch * steps);
  const std::vector<Timing> timings = interleave(rounds, images, {two_ranks, one_rank});
  if (!leads) return;
  std::printf("%s, global batch %lld, float32\n  %s\n  %s\n", network, static_cast<long long>(global_batch),
              describe("2 ranks x 1 thread", timings[0]).c_str(),
              describe("1 rank x 2 threads", timings[1]).c_str());
  const Ratio cpu = cpu_ratio(timings[0], timings[1]);
  char what[200];
  std::snprintf(
      what, sizeof what,
      "%s global batch %lld, 2 ranks x 1 thread / 1 rank x 2 threads, by the clock; by processor time %.3f",
      network, static_cast<long long>(global_batch), cpu.best);
  print_row(8, wall_ratio(timings[0], timings[1]), 0.95, what);
}

// The share of a step that waits for other ranks, the largest of all ranks.
double exposed_share(const Config& config, Communicator& trainers, at::Device device, int steps) {
  StepProfile profile(make_phase_timer(device), 5, steps);
  ProfiledCommunicator profiled(trainers, profile);
  TrainingStep step(config, kClasses, profiled, device);
  step.profile(&profile);
  for (int i = 0; i < steps + 5; ++i) {
    profile.begin_step();
    step.step();
    profile.end_step();
  }
  const StepTimes& times = profile.times();
  at::Tensor share =
      at::full({1}, times[Phase::kCommunication] / times.step(), at::TensorOptions(device).dtype(at::kFloat));
  trainers.all_reduce(share, ReduceOp::kMax);
  return share.item<double>();
}

void row_5(MpiSession& mpi, bool cpu) {
  Topology topology;
  topology.local_trainer = mpi.rank();
  topology.node_trainers = mpi.size();
  const at::Device device = cpu ? at::Device(at::kCPU) : training_device(topology);
  if (cpu) at::set_num_threads(1);
  const auto trainers = make_communicator(duplicate_world(mpi), device);
  const Config config = cpu ? step_config("mbf", 8, "fp32") : step_config("r50se", 128, "fp16");
  const double share = exposed_share(config, *trainers, device, cpu ? 4 : 40);
  const double bus = bus_bandwidth(*trainers, device, 16 << 20, cpu ? 4 : 50);
  if (trainers->rank() != 0) return;
  std::printf("INFO 5 %d ranks on %s: bus bandwidth of a 16 MiB all-reduce %.3f GB/s\n", mpi.size(),
              device.str().c_str(), bus / 1e9);
  const std::string what = "share of a step that waits for other ranks";
  if (cpu)
    print_not_run(5, 0.05, what,
                  "no two GPUs; the code ran on the CPU with " + std::to_string(mpi.size()) +
                      " ranks of one thread: " + std::to_string(share));
  else
    print_row(5, share, 0.05, what, Bound::kAtMost);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  std::vector<char*> rows;
  bool cpu = false;
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--cpu") == 0)
      cpu = true;
    else
      rows.push_back(argv[i]);
  }
  std::optional<MpiSession> mpi;
  try {
    mpi.emplace();
    if (wanted(rows, 5)) row_5(*mpi, cpu);
    if (wanted(rows, 8)) {
      if (mpi->size() != 2) throw Error(ErrorKind::kConfig, "row 8 wants mpirun -np 2");
      row_8(*mpi, "mbf", 32, 7, 2);
      row_8(*mpi, "r18", 16, 5, 1);
    }
    return 0;
  } catch (...) {
    std::cerr << "rank_steps: " << current_failure().text << "\n";
    if (mpi) mpi->abort(1);
    return 1;
  }
}
