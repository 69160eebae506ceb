// bench_scaling, without a row: what common/scaling predicts for a step beside what the step takes, for every
// configuration that is measured here, under mpirun -np 2 (ranks.sh scaling). The model's rates are measured
// first: the network's alone (one rank, 100 classes), a matrix product, a copy, an all-reduce. The other
// configurations are predictions.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include "common/check/network_size.hpp"
#include "common/error.hpp"
#include "common/mpi/communicators.hpp"
#include "common/scaling/scaling_model.hpp"
#include "tests/bench/bus_bandwidth.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/training_step.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/step/keep_freed_memory.hpp"
#include "trainer/step/matmul_rate.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

// Seconds of one step of all ranks of `trainers`, the best of five.
double step_seconds(const Config& config, std::int64_t classes, Communicator& trainers) {
  TrainingStep step(config, classes, trainers, at::kCPU);
  const auto once = [&] {
    trainers.barrier();
    return measure(Clock::kProcess, [&] {
      step.step();
      trainers.barrier();
    });
  };
  return interleave(5, 1, {once})[0].best.wall_us / 1e6;
}

// Bytes read and written per second by one thread.
double memory_rate() {
  const at::Tensor from = at::zeros({32 << 20}), to = at::zeros({32 << 20});
  const Cost cost =
      interleave(5, 1, {[&] { return measure(Clock::kThread, [&] { to.copy_(from); }); }})[0].best;
  return 2.0 * static_cast<double>(from.nbytes()) / (cost.wall_us / 1e6);
}

MachineRates rates_here(Communicator& both) {
  MachineRates machine;
  machine.head_flops = measure_matmul(at::kCPU, at::kFloat).flops;
  machine.memory_bytes = memory_rate();
  machine.node_bus_bytes = machine.network_bus_bytes = bus_bandwidth(both, at::kCPU, 16 << 20, 5);
  machine.collective_latency = all_reduce_seconds(both, at::kCPU, 64, 50);
  machine.decode_images = 1e9;  // no pictures are decoded here
  machine.decode_cores = 1;
  machine.node_gpus = both.size();
  return machine;
}

void compare(const char* network, std::int64_t batch, MachineRates machine, Communicator& both) {
  const Config config = step_config(network, batch, "fp32");
  const NetworkSize size = network_size(config).value();
  const NetworkCost cost{static_cast<double>(size.parameters), 2 * static_cast<double>(size.multiply_adds)};
  SelfCommunicator alone;
  const bool leads = both.rank() == 0;
  for (const int ranks : {1, 2}) {
    for (const std::int64_t classes : {std::int64_t{100}, std::int64_t{20'000}}) {
      JobSize job;
      job.gpus = ranks;
      job.batch = batch;
      job.classes = classes;
      job.bytes_per_gradient = 4;
      double seconds = 0;
      if (ranks == 1) {
        if (leads) seconds = step_seconds(config, classes, alone);
        both.barrier();
      } else {
        seconds = step_seconds(config, classes, both);
      }
      const bool given = ranks == 1 && classes == 100;
      if (given) machine.network_flops = 3 * static_cast<double>(batch) * cost.forward_flops / seconds;
      if (!leads) continue;
      const double measured = static_cast<double>(ranks * batch) / seconds;
      const double predicted = images_per_second(step_time(machine, cost, job), job);
      std::printf(
          "SCALE %-4s batch %2lld ranks %d classes %5lld: predicted %8.2f img/s, measured %8.2f, %s\n",
          network, static_cast<long long>(batch), ranks, static_cast<long long>(classes), predicted, measured,
          given ? "the network's rate is taken from here"
                : ("off by " + std::to_string(std::lround(100 * (predicted / measured - 1))) + " %").c_str());
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main() {
  keep_freed_memory();
  at::set_num_threads(1);
  std::optional<MpiSession> mpi;
  try {
    mpi.emplace();
    MpiCommunicator both(duplicate_world(*mpi));
    const MachineRates machine = rates_here(both);
    if (both.rank() == 0)
      std::printf(
          "SCALE rates of a rank of one thread: matrix product %.1f GFLOP/s, copy %.1f GB/s, all-reduce %.2f "
          "GB/s, %.0f us\n",
          machine.head_flops / 1e9, machine.memory_bytes / 1e9, machine.node_bus_bytes / 1e9,
          machine.collective_latency * 1e6);
    compare("mbf", 16, machine, both);
    compare("r18", 4, machine, both);
    return 0;
  } catch (...) {
    std::cerr << "scaling: " << current_failure().text << "\n";
    if (mpi) mpi->abort(1);
    return 1;
  }
}
