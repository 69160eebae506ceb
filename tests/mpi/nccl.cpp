// What must hold on GPUs: the Communicator suite over NCCL, gradient buckets on a half wire, the slot copy.
// Runs with as many ranks as there are GPUs; anywhere else it says that it did not.
#include <ATen/ATen.h>

#include <iostream>
#include <vector>

#include "tests/mpi/communicator_suite.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/comm/gradient_buckets.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/cuda/batch_copy.hpp"
#include "trainer/cuda/device.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

namespace {

Topology all_trainers() {
  Topology topology;
  topology.local_trainer = session().rank();
  topology.node_trainers = session().size();
  return topology;
}

bool runs_here() {
  const int devices = device_count();
  if (devices >= session().size()) return true;
  if (session().rank() == 0) {
    std::cout << "SKIPPED: NCCL at " << session().size() << " ranks not run: " << devices << " GPUs ("
              << (devices == 0 ? why_no_device() : "too few") << ")\n";
  }
  return false;
}

}  // namespace

TEST_CASE("NcclCommunicator passes the suite") {
  if (!runs_here()) return;
  const at::Device device = training_device(all_trainers());
  const auto nccl = make_communicator(duplicate_world(session()), device);
  check_communicator(*nccl, device);
}

TEST_CASE("gradients on GPUs become the mean over ranks, on a half wire too") {
  if (!runs_here()) return;
  const at::Device device = training_device(all_trainers());
  const auto nccl = make_communicator(duplicate_world(session()), device);
  for (const auto wire : {at::kFloat, at::kHalf}) {
    at::Tensor a = at::ones({300, 300}, device).requires_grad_();
    at::Tensor b = at::ones({300}, device).requires_grad_();
    GradientBuckets buckets({a, b}, *nccl, 1024, wire);
    ((a.matmul(b)).sum() * (nccl->rank() + 1.0)).backward();
    buckets.finish();
    CHECK(at::allclose(a.grad(), at::full_like(a, (nccl->size() + 1) / 2.0), 1e-3));
  }
}

TEST_CASE("a slot is copied on the side and may be overwritten once it is free") {
  if (!runs_here()) return;
  const at::Device device = training_device(all_trainers());
  std::vector<float> ring(1 << 20);
  const HostRegistration pinned(ring.data(), ring.size() * sizeof(float));
  const at::Tensor slot = at::from_blob(ring.data(), {4, 3, 16, 16}, {3 * 256, 1, 48, 3}, at::kFloat);
  const SlotCopier copier(device);
  for (int step = 0; step < 20; ++step) {
    slot.fill_(step);
    const SlotCopy copy = copier.copy({slot});
    copy.wait_slot_free();
    CHECK(copy.slot_free());
    slot.fill_(-1);
    const at::Tensor batch = copy.tensors()[0];
    CHECK(batch.strides() == slot.strides());
    CHECK(batch.eq(step).all().item<bool>());
  }
}
