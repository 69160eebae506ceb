// A pool whose worker hangs in a read.
#include "dataservice/serve/worker_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "tests/service_fixture.hpp"

namespace facetrain::test {

TEST_CASE("a pool is stopped without the worker whose read hangs, for as long as it does") {
  struct Hangs final : TestSource {
    Hangs() : TestSource(8, 2) {}
    void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
      if (!begun_.exchange(true)) {
        begins.set_value();
        ends.get_future().wait();
      }
      TestSource::read(i, buffer);
    }
    mutable std::promise<void> begins, ends;
    mutable std::atomic<bool> begun_{false};
  };
  const Hangs source;
  const IdentityIndex identities(source);
  BadPictures bad("/dev/null", 0);
  const Config config;
  RingLayout layout;
  layout.slots = 1;
  layout.batch = 8;
  layout.dtype = Dtype::kF32;
  std::vector<std::byte> memory(layout.total_bytes());
  BatchJob job;
  job.shape = {.samples = 8, .batch = 8};
  job.order = std::make_shared<const EpochOrder>(job.shape, 0);
  job.layout = layout;
  job.slot = std::span(memory).subspan(layout.slot_offset(0), layout.slot_bytes());
  job.done = [](std::exception_ptr) {};
  WorkerPool pool(2,
                  [&] { return std::make_unique<RowFiller>(config, layout.dtype, source, identities, bad); });
  pool.submit(job);
  source.begins.get_future().wait();
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(pool.stop(std::chrono::seconds(1)));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  source.ends.set_value();
  CHECK(pool.stop(std::chrono::seconds(60)));
}

}  // namespace facetrain::test
