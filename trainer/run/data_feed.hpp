// How a trainer joins its node's data service: what it says first, in which numbers pictures come, how many
// threads it computes with. Training and embedding share it.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "common/mpi/job.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/input/batch_input.hpp"
#include "trainer/step/precision.hpp"

namespace facetrain {

// A trainer on the CPU takes the processors of its affinity mask, or its share of them where trainers of its
// node have them too; on a GPU one thread feeds the device. launch.threads overrides both. Collective.
int compute_threads(const Config& config, const Topology& topology, at::Device device,
                    Communicator& trainers);

// The first batch that a trainer wants: number `step` (of batches, not updates) of an epoch, both from 0.
struct FirstBatch {
  std::uint32_t epoch = 0;
  std::uint64_t step = 0;
};

// Connected to the node's service, which listens already. model: the network that takes the pictures, which
// an embedding job knows from its weights, not from model.model. Throws as RingConsumer's constructor.
RingConsumer join_data_service(const Job& job, const std::string& model, Precision precision,
                               const FirstBatch& first = {});

// The ring's batches on `device`; batches: how many will be taken in all.
std::unique_ptr<BatchInput> make_input(RingConsumer ring, Precision precision, at::Device device,
                                       std::uint64_t batches);

}  // namespace facetrain
