#include "trainer/run/data_feed.hpp"

#include <ATen/ops/from_blob.h>

#include <chrono>
#include <utility>
#include <vector>

#include "common/build_id.hpp"
#include "common/cpu.hpp"
#include "common/ipc/frame_socket.hpp"

namespace facetrain {
namespace {

constexpr std::chrono::minutes kServiceAnswers{5};  // it may be touching gigabytes of ring memory

Hello hello_of(const Job& job, const std::string& model, Precision precision, const FirstBatch& first) {
  Hello hello;
  hello.build = fixed_text<kBuildText>(build_text());
  hello.build_id = build_id();
  hello.config_digest = job.config_digest;
  hello.trainer_rank = static_cast<std::uint32_t>(job.topology.trainer_rank);
  hello.trainer_world = static_cast<std::uint32_t>(job.topology.trainer_world);
  hello.local_trainer = static_cast<std::uint32_t>(job.topology.local_trainer);
  hello.start_epoch = first.epoch;
  hello.start_step = first.step;
  hello.expected = ring_layout(job.config, ring_dtype(model, precision));
  hello.strides = hello.expected.strides();
  return hello;
}

}  // namespace

int compute_threads(const Config& config, const Topology& topology, at::Device device,
                    Communicator& trainers) {
  if (config.launch.threads > 0) return static_cast<int>(config.launch.threads);
  if (!device.is_cpu()) return 1;
  struct Place {
    std::int64_t node;
    ProcessorMask mask;
  };
  static_assert(sizeof(Place) == 17 * sizeof(std::int64_t));
  Place own{topology.node, usable_mask()};
  std::vector<Place> all(static_cast<std::size_t>(trainers.size()));
  trainers.all_gather(at::from_blob(all.data(), {17 * trainers.size()}, at::kLong),
                      at::from_blob(&own, {17}, at::kLong));
  std::vector<ProcessorMask> of_node;
  for (const Place& place : all)
    if (place.node == own.node) of_node.push_back(place.mask);
  return processor_share(own.mask, of_node);
}

RingConsumer join_data_service(const Job& job, const std::string& model, Precision precision,
                               const FirstBatch& first) {
  return {service_socket_name(job.nonce, job.topology.node), hello_of(job, model, precision, first),
          kServiceAnswers};
}

std::unique_ptr<BatchInput> make_input(RingConsumer ring, Precision precision, at::Device device,
                                       std::uint64_t batches) {
  return device.is_cpu() ? make_cpu_input(std::move(ring), parameter_type(precision))
                         : make_gpu_input(std::move(ring), device, batches);
}

}  // namespace facetrain
