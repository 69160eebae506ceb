#include "tests/bench/bus_bandwidth.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "trainer/step/phase_timer.hpp"

namespace facetrain::bench {

double all_reduce_seconds(Communicator& trainers, at::Device device, std::int64_t bytes, int times) {
  const at::Tensor bucket = at::zeros({bytes / 4}, at::TensorOptions(device).dtype(at::kFloat));
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 5; ++round) {
    const auto timer = make_phase_timer(device);
    trainers.barrier();
    timer->mark("all-reduce");
    for (int i = 0; i < times; ++i) trainers.all_reduce(bucket, ReduceOp::kSum);
    timer->mark(nullptr);
    best = std::min(best, timer->spans().front() / times);
  }
  return best;
}

double bus_bandwidth(Communicator& trainers, at::Device device, std::int64_t bytes, int times) {
  return 2 * static_cast<double>(bytes) * (trainers.size() - 1) / trainers.size() /
         all_reduce_seconds(trainers, device, bytes, times);
}

}  // namespace facetrain::bench
