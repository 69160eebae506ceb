// Communicator over MPI at 1, 2, 3 ranks, with and without chunks, and the world of one.
#include "tests/mpi/communicator_suite.hpp"

#include <ATen/ATen.h>

#include <string>

#include "common/error.hpp"
#include "tests/mpi/world.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/cuda/batch_copy.hpp"
#include "trainer/cuda/device.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using namespace facetrain::test;

TEST_CASE("MpiCommunicator passes the suite") {
  check_communicator(world(), at::kCPU);
}

TEST_CASE("MpiCommunicator passes the suite when every tensor goes in chunks") {
  MpiCommunicator chunked(duplicate_world(session()), 100);
  check_communicator(chunked, at::kCPU);
}

TEST_CASE("SelfCommunicator passes the suite") {
  SelfCommunicator self;
  check_communicator(self, at::kCPU);
}

TEST_CASE("a half tensor is rounded once, not at every addition") {
  at::Tensor t =
      at::full({4}, world().rank() == 0 ? 2048.0 : 1.0, at::kHalf);  // 2048 + 1 is not a half; 2048 + 2 is
  world().all_reduce(t, ReduceOp::kSum);
  const double sum[] = {2048, 2048, 2050};
  CHECK(t[3].item<double>() == sum[world().size() - 1]);
}

TEST_CASE("a tensor that cannot travel is refused by name, on every rank, before anything is sent") {
  CHECK_THROWS_AS(world().all_reduce(at::zeros({4, 6}).t().slice(0, 0, 3), ReduceOp::kSum), Error);
  CHECK_THROWS_AS(world().all_reduce(at::zeros({4}, at::kBool), ReduceOp::kSum), Error);
  CHECK_THROWS_AS(
      world().all_gather(at::zeros({4}), at::zeros({world().size() == 4 ? 2 : 4 * world().size() + 1})),
      Error);
  CHECK_THROWS_AS(world().broadcast(at::zeros({4, 6}).slice(1, 0, 3), 0), Error);
}

TEST_CASE("without a GPU the CPU is the device, and what needs a GPU says so") {
  if (device_count() > 0) return;
  CHECK(std::string(why_no_device()) != "");
  CHECK(training_device(Topology{}).is_cpu());
  CHECK(make_communicator(duplicate_world(session()), at::kCPU)->size() == session().size());
  CHECK_THROWS_AS(make_communicator(duplicate_world(session()), at::Device(at::kCUDA, 0)), std::exception);
  CHECK_THROWS_AS(SlotCopier(at::Device(at::kCUDA, 0)), std::exception);
}

TEST_CASE("trainers with a GPU and trainers without one are told so before either waits for the other") {
  if (world().size() == 1) return;
  const at::Device device = world().rank() == 1 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  CHECK_THROWS_WITH_AS(
      make_communicator(duplicate_world(session()), device),
      doctest::Contains(("sees no GPU (" + std::string(why_no_device()) + "), but trainer 1 on ").c_str()),
      Error);
}
