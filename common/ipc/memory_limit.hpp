// How much memory may still be used here. A memfd is never refused for want of memory - the cgroup kills the
// process later - so the need of a ring is compared with MemAvailable and the cgroup's limit before it is
// made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace facetrain {

struct MemoryHeadroom {
  std::uint64_t available = 0;               // /proc/meminfo's MemAvailable, bytes
  std::optional<std::uint64_t> cgroup_left;  // the tightest limit on the way to the root, less its usage but
                                             // for page cache; none: unlimited

  std::uint64_t bytes() const { return cgroup_left && *cgroup_left < available ? *cgroup_left : available; }
};

// Reads /proc and the cgroup file system below `root` ("" for the real one; tests point it elsewhere). cgroup
// v2 and v1.
MemoryHeadroom memory_headroom(const std::string& root = "");

// Throws Error(kConfig) that names need, MemAvailable and the cgroup's rest when `need` bytes do not fit.
void require_memory(std::uint64_t need, const MemoryHeadroom& headroom, const std::string& purpose,
                    const std::string& advice);

}  // namespace facetrain
