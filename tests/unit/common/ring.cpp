#include <doctest/doctest.h>

#include "common/error.hpp"
#include "common/ipc/memory_limit.hpp"
#include "common/ipc/ring_layout.hpp"
#include "common/ipc/shared_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace facetrain;

TEST_CASE("the parts of a slot are page aligned, in order, and do not overlap") {
  const RingLayout layout{.slots = 3, .batch = 5, .dtype = Dtype::kF16};
  CHECK(layout.row_bytes() == 112 * 112 * 3 * 2);
  CHECK(layout.labels_offset() >= layout.row_bytes() * 5);
  CHECK(layout.ids_offset() >= layout.labels_offset() + 40);
  CHECK(layout.slot_bytes() >= layout.ids_offset() + 40);
  for (const std::uint64_t offset : {layout.labels_offset(), layout.ids_offset(), layout.slot_bytes()})
    CHECK(offset % 4096 == 0);
  CHECK(layout.total_bytes() == 3 * layout.slot_bytes());
  CHECK(layout.strides() == std::array<std::uint64_t, 4>{112 * 112 * 3 * 2, 112 * 3 * 2, 6, 2});
  CHECK(layout.text() == "3 slots of 5 x 112 x 112 x 3 f16");
  CHECK(layout.slot_offset(2) == 2 * layout.slot_bytes());
}

TEST_CASE("a ring's memory is sealed and shared, and a file of another size is refused") {
  const Fd memfd = create_sealed_memfd("facetrain-test", 8192);
  CHECK(::ftruncate(memfd.get(), 4096) != 0);
  CHECK(::ftruncate(memfd.get(), 16384) != 0);
  Mapping one(memfd, 8192), two(memfd, 8192);
  one.prefault();
  one.bytes()[5000] = std::byte{42};
  CHECK(two.bytes()[5000] == std::byte{42});
  CHECK_THROWS_AS(Mapping(memfd, 4096), Error);
  const Fd unsealed(::memfd_create("facetrain-test", MFD_CLOEXEC));
  REQUIRE(::ftruncate(unsealed.get(), 8192) == 0);
  CHECK_THROWS_AS(Mapping(unsealed, 8192), Error);
}

TEST_CASE("memory headroom is the smaller of MemAvailable and what the cgroups leave") {
  const std::string root =
      std::filesystem::temp_directory_path() / ("facetrain_ring_" + std::to_string(::getpid()));
  const auto write = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  };
  write("/proc/meminfo", "MemTotal: 100 kB\nMemAvailable:   1000 kB\n");
  CHECK(memory_headroom(root).available == 1024000);
  CHECK(memory_headroom(root).bytes() == 1024000);
  write("/proc/self/cgroup", "0::/job/step\n");
  write("/sys/fs/cgroup/job/step/memory.max", "max\n");
  write("/sys/fs/cgroup/job/memory.max", "500000\n");
  write("/sys/fs/cgroup/job/memory.current", "100000\n");
  CHECK(memory_headroom(root).cgroup_left == 400000);
  CHECK(memory_headroom(root).bytes() == 400000);
  write("/sys/fs/cgroup/job/memory.stat", "anon 10\ninactive_file 30000\nactive_file 20000\n");
  CHECK(memory_headroom(root).cgroup_left == 450000);
  write("/proc/self/cgroup", "4:memory:/old\n");
  write("/sys/fs/cgroup/memory/old/memory.limit_in_bytes", "300000\n");
  write("/sys/fs/cgroup/memory/old/memory.usage_in_bytes", "350000\n");
  CHECK(memory_headroom(root).bytes() == 0);
  write("/proc/self/cgroup", "4:cpu,memory:/old\n");  // mounted together, under both names
  CHECK(memory_headroom(root).bytes() == 0);
  // In a container the group's path is the host's: what is mounted is the container's own group.
  write("/proc/self/cgroup", "12:pids:/host/pod\n4:memory:/host/pod\n0::/\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "5\n");
  CHECK_FALSE(memory_headroom(root).cgroup_left);
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "700000\n");
  write("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 3\n");
  CHECK(memory_headroom(root).cgroup_left == 699998);
  write("/sys/fs/cgroup/memory.max", "600000\n");  // of two trees the tighter one
  write("/sys/fs/cgroup/memory.current", "0\n");
  CHECK(memory_headroom(root).cgroup_left == 600000);
  std::filesystem::remove_all(root);

  const MemoryHeadroom headroom{.available = 1 << 20, .cgroup_left = 1 << 19};
  CHECK_NOTHROW(require_memory(1 << 19, headroom, "the ring", "lower the batch"));
  CHECK_THROWS_WITH_AS(require_memory((1 << 19) + 1, headroom, "the ring", "lower the batch"),
                       doctest::Contains("too little memory for the ring"), Error);
}
