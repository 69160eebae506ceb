#include "common/scaling/scaling_model.hpp"

#include <algorithm>
#include <cmath>

namespace facetrain {
namespace {

constexpr double kBucketBytes = 16 << 20;

}  // namespace

std::string_view StepTime::bound() const {
  if (data > compute()) return "data";
  const double exchange = exposed_exchange + head_exchange;
  if (exchange >= backbone && exchange >= head) return "network";
  return head >= backbone ? "head" : "backbone";
}

StepTime step_time(const MachineRates& machine, const NetworkCost& network, const JobSize& job) {
  const double n = job.gpus, batch = static_cast<double>(job.batch), rows = n * batch;
  const double local = static_cast<double>(job.classes) / n * job.sample_rate;
  const auto embedding = static_cast<double>(job.embedding_size);
  const double bus = job.gpus > machine.node_gpus ? machine.network_bus_bytes : machine.node_bus_bytes;
  const double others = (n - 1) / n;
  const double latency = job.gpus > 1 ? machine.collective_latency * std::ceil(std::log2(n)) : 0;

  StepTime time;
  time.backbone = 3 * batch * network.forward_flops / machine.network_flops;
  time.head = 6 * rows * local * embedding / machine.head_flops +
              (12 * rows * local + 32 * local * embedding) / machine.memory_bytes;
  if (job.gpus > 1) {
    const double bytes = network.parameters * job.bytes_per_gradient;
    const double last = std::min(bytes, kBucketBytes);
    time.gradient_exchange = 2 * others * bytes / bus + latency * std::ceil(bytes / kBucketBytes);
    time.exposed_exchange =
        std::max(time.gradient_exchange - 2.0 / 3.0 * time.backbone, 2 * others * last / bus + latency);
    time.head_exchange = others * rows * (2 * embedding * job.bytes_per_gradient + 16) / bus + 3 * latency;
  }
  const int together = std::min(job.gpus, machine.node_gpus);
  time.data = batch * together / (machine.decode_cores * machine.decode_images);
  return time;
}

double images_per_second(const StepTime& time, const JobSize& job) {
  return static_cast<double>(job.gpus) * static_cast<double>(job.batch) / time.step();
}

double validation_share(double pairs, double passes, double epoch_pictures) {
  const double validation = 2 * pairs * passes, training = 3 * epoch_pictures;
  return validation / (validation + training);
}

}  // namespace facetrain
