// Pictures from the data service on a GPU: the ring's sealed memory can be registered with CUDA, and what
// comes off the side stream is what a trainer on the CPU reads in place.
#include <ATen/ATen.h>

#include "common/ipc/shared_memory.hpp"
#include "tests/gpu/gpu.hpp"
#include "trainer/cuda/batch_copy.hpp"
#include "trainer/input/batch_input.hpp"

// Last, with doctest in it: ATen has a CHECK of its own, which would replace doctest's.
#include "tests/service_fixture.hpp"

using namespace facetrain;
using namespace facetrain::test;

TEST_CASE(
    "a sealed memfd is registered with CUDA and copied from while another process's mapping writes it") {
  if (no_gpu()) return;
  const at::Device device = first_gpu();
  constexpr std::int64_t kFloats = 1 << 20;
  const Fd memfd = create_sealed_memfd("facetrain-test", kFloats * sizeof(float));
  Mapping ours(memfd, kFloats * sizeof(float)), theirs(memfd, kFloats * sizeof(float));
  ours.prefault();
  const at::Tensor slot = at::from_blob(ours.bytes().data(), {kFloats}, at::kFloat);
  const at::Tensor written = at::from_blob(theirs.bytes().data(), {kFloats}, at::kFloat);
  for (int time = 0; time < 2; ++time) {  // and again, once it was given up
    const HostRegistration pinned(ours.bytes().data(), ours.bytes().size());
    CHECK_THROWS_WITH_AS(HostRegistration(ours.bytes().data(), ours.bytes().size()),
                         doctest::Contains("cudaHostRegister"), Error);
    const SlotCopier copier(device);
    for (int step = 0; step < 5; ++step) {
      written.fill_(10 * time + step);
      const SlotCopy copy = copier.copy({slot});
      copy.wait_slot_free();
      written.fill_(-1);
      CHECK(copy.tensors()[0].eq(10 * time + step).all().item<bool>());
    }
  }
}

TEST_CASE("the GPU's input gives the pictures, labels and ids that the CPU's gives") {
  if (no_gpu()) return;
  const at::Device device = first_gpu();
  const TestSource source(40, 4);
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF16}) {
    const Options options;
    Service for_cpu(source, options), for_gpu(source, options);
    RingConsumer cpu_ring = for_cpu.connect(options, 0, dtype), gpu_ring = for_gpu.connect(options, 0, dtype);
    const std::uint64_t batches = cpu_ring.welcome().steps_per_epoch * 2;
    REQUIRE(batches == 20);
    const auto on_cpu = make_cpu_input(std::move(cpu_ring), at::kFloat);
    const auto on_gpu = make_gpu_input(std::move(gpu_ring), device, batches);
    for (std::uint64_t i = 0; i < batches; ++i) {
      const InputBatch expected = on_cpu->next(), batch = on_gpu->next();
      CHECK((batch.images.device() == device));
      CHECK(batch.images.strides() == expected.images.strides());
      CHECK(batch.images.cpu().equal(expected.images));
      CHECK(batch.labels.cpu().equal(expected.labels));
      CHECK(batch.ids == expected.ids);
      CHECK(batch.epoch == expected.epoch);
      CHECK(batch.step == expected.step);
    }
    on_cpu->finish();
    on_gpu->finish();
    CHECK(for_cpu.wait() == 0);
    CHECK(for_gpu.wait() == 0);
  }
}

TEST_CASE("an input that is given up half-way ends") {
  if (no_gpu()) return;
  const TestSource source(40, 4);
  const Options options;
  Service service(source, options);
  auto input = make_gpu_input(service.connect(options, 0), first_gpu(), 20);
  CHECK(input->next().images.size(0) == options.batch);
  input.reset();  // its thread waits for room, or for a batch
  CHECK(service.wait() != 0);
}
