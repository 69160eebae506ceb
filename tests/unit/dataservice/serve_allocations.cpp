// What fills a batch allocates nothing for a picture: counted by an operator new of this program's own.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <new>

#include "dataservice/augment/opencv_tables.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/serve/worker_pool.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/service_fixture.hpp"
#include "tests/temporary_folder.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
thread_local std::uint64_t fails_after = ~std::uint64_t{0};  // so many allocations of this thread succeed

bool has_memory() {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return fails_after == ~std::uint64_t{0} || fails_after-- > 0;
}
}  // namespace

// Not inlined: gcc would take free() of what it sees malloc() give for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = has_memory() ? std::malloc(size > 0 ? size : 1) : nullptr) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size,
                                     std::align_val_t alignment) {  // pictures' (pixel_allocator.hpp)
  const auto step = static_cast<std::size_t>(alignment);
  if (void* memory = has_memory() ? std::aligned_alloc(step, (size + step - 1) / step * step) : nullptr)
    return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace facetrain::test {
namespace {

// Pictures made beforehand: reading one copies it into the buffer.
class MadeBefore final : public Source {
 public:
  MadeBefore() {
    for (std::uint32_t i = 0; i < 256; ++i) jpegs_.push_back(jpeg(i));
  }
  std::uint32_t size() const override { return static_cast<std::uint32_t>(jpegs_.size()); }
  std::uint32_t classes() const override { return size() / 4; }
  std::int64_t label(std::uint32_t i) const override { return i / 4; }
  std::string name(std::uint32_t i) const override { return std::to_string(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
    buffer.assign(jpegs_[i].begin(), jpegs_[i].end());
  }

 private:
  std::vector<std::vector<std::byte>> jpegs_;
};

struct Parts {
  MadeBefore source;
  IdentityIndex identities{source};
  BadPictures bad{(std::filesystem::temp_directory_path() / "facetrain_no_bad_pictures").string(), 0};
  Config config;
  PlanShape shape;
  std::shared_ptr<const EpochOrder> order;

  explicit Parts(std::uint32_t batch) {
    config.data.augment = config.data.rand_erase = config.data.flip = true;
    shape.samples = source.size();
    shape.batch = batch;
    order = std::make_shared<const EpochOrder>(shape, 0);
  }
};

// Allocations of `batches` batches through a pool of one thread, after a warm-up: of two threads it is chance
// which one has met which picture by then.
std::uint64_t allocations_of(std::uint32_t batch, std::uint64_t batches) {
  Parts parts(batch);
  RingLayout layout;
  layout.slots = 2;
  layout.batch = batch;
  layout.dtype = Dtype::kF16;
  std::vector<std::byte> memory(layout.total_bytes());
  WorkerPool pool(1, [&] {
    return std::make_unique<RowFiller>(parts.config, layout.dtype, parts.source, parts.identities, parts.bad);
  });
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t finished = 0, failed = 0;
  const auto run = [&](std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      BatchJob job;
      job.order = parts.order;
      job.shape = parts.shape;
      job.step = i % parts.shape.steps_per_epoch();
      job.layout = layout;
      const auto slot = static_cast<std::uint32_t>(i % 2);
      job.slot = std::span(memory).subspan(layout.slot_offset(slot), layout.slot_bytes());
      job.done = [&](std::exception_ptr error) {
        const std::lock_guard lock(mutex);
        ++finished;
        failed += error ? 1 : 0;
        changed.notify_one();
      };
      const std::uint64_t target = finished + 1;
      pool.submit(std::move(job));
      std::unique_lock lock(mutex);
      REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return finished == target; }));
    }
  };
  run(2 * 256 / batch);  // every picture
  const std::uint64_t before = allocations.load();
  run(batches);
  const std::uint64_t counted = allocations.load() - before;
  CHECK(failed == 0);
  return counted;
}

}  // namespace

TEST_CASE("filling a row allocates nothing once every picture's size has been met") {
  Parts parts(8);
  RowFiller filler(parts.config, Dtype::kF16, parts.source, parts.identities, parts.bad);
  std::vector<std::byte> row(std::size_t{112} * 112 * 3 * 2);
  // The same stream of positions twice: the second time every scratch memory is large enough.
  for (int round = 0; round < 2; ++round) {
    const std::uint64_t before = allocations.load();
    for (std::uint32_t epoch = 0; epoch < 4; ++epoch)
      for (std::uint64_t position = 0; position < parts.source.size(); ++position)
        filler.fill(*parts.order, epoch, position, row);
    if (round == 1)
      CHECK(allocations.load() - before == 0);
    else
      CHECK(allocations.load() - before > 0);  // that they are counted
  }
}

TEST_CASE("a pool's allocations count batches, not pictures") {
  constexpr std::uint64_t kBatches = 64;
  const std::uint64_t small = allocations_of(4, kBatches), large = allocations_of(64, kBatches);
  MESSAGE("allocations of 64 batches of 4: " << small << ", of 64: " << large);
  CHECK(small <= 8 * kBatches);
  CHECK(large <= 8 * kBatches);
  CHECK(large >= kBatches);  // that they are counted
}

TEST_CASE("a picture of a packed source is read without an allocation") {
  TemporaryFolder folder;
  const MadeBefore made;
  pack_lmdb(made, folder / "faces.lmdb");
  pack_webdataset(made, folder / "faces.json");
  for (const std::string name : {"faces.lmdb", "faces.json"}) {
    CAPTURE(name);
    OpenedSource opened = open_source(folder / name);
    for (const bool at_random : {false, true}) {
      if (at_random) opened.source->read_at_random();
      std::vector<std::byte> buffer;
      for (std::uint32_t i = 0; i < made.size(); ++i) opened.source->read(i, buffer);
      const std::uint64_t before = allocations.load();
      for (std::uint32_t i = 0; i < made.size(); ++i) opened.source->read(i, buffer);
      CHECK(allocations.load() - before == 0);
    }
  }
}

TEST_CASE("a table that memory was too short for is built when it is asked for again") {
  const auto is_whole = [](const ColumnTable& table) {
    return table.windows.fit || !table.fixed.first.empty() || !table.area.begin.empty();
  };
  for (const Instructions instructions : {Instructions::kPortable, best_instructions()}) {
    for (std::uint64_t allowed = 0; allowed < 200; ++allowed) {
      OpenCvTables tables(instructions);
      int failures = 0;
      const auto short_of_memory = [&](const auto& call) {
        fails_after = allowed;
        try {
          call();
        } catch (const std::bad_alloc&) {
          ++failures;
        }
        fails_after = ~std::uint64_t{0};
      };
      short_of_memory([&] { tables.columns(112, 40, Interpolation::kCubic, false); });
      short_of_memory([&] { tables.columns(112, 40, Interpolation::kArea, true); });
      short_of_memory([&] { tables.rows(112, 40, Interpolation::kCubic, false); });
      short_of_memory([&] { tables.nearest(112, 40); });
      CHECK(is_whole(tables.columns(112, 40, Interpolation::kCubic, false)));
      CHECK(is_whole(tables.columns(112, 40, Interpolation::kArea, true)));
      CHECK_FALSE(tables.rows(112, 40, Interpolation::kCubic, false).begin.empty());
      CHECK_FALSE(tables.nearest(112, 40).source.empty());
      if (failures == 0) break;
      CHECK(allowed < 199);  // that it fails no more, in the end
    }
  }
}

}  // namespace facetrain::test
