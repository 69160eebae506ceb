#include "common/ipc/memory_limit.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "common/formatted.hpp"

namespace facetrain {
namespace {

// cgroup v1 writes "no limit" as the largest number of whole pages.
constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 60;

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;  // absent, or "max"
}

// What the kernel takes back on demand, but counts as used: pages of files that were read or written (JPEGs,
// lists).
std::uint64_t page_cache(const std::string& stat_path) {
  std::ifstream file(stat_path);
  std::uint64_t own = 0, total = 0,
                value = 0;  // v1 has totals that include the groups below; v2's numbers always do
  for (std::string name; file >> name >> value;) {
    if (name == "inactive_file" || name == "active_file") own += value;
    if (name == "total_inactive_file" || name == "total_active_file") total += value;
  }
  return std::max(own, total);
}

std::uint64_t mem_available(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %llu kB", &kib) == 1) return std::uint64_t{kib} * 1024;
  }
  return UINT64_MAX;  // no /proc: do not refuse what cannot be judged
}

// A limit holds for the group and all below it: walk from the process's group up to the root.
std::optional<std::uint64_t> tightest(const std::string& base, std::string group, const char* limit_file,
                                      const char* usage_file) {
  std::optional<std::uint64_t> left;
  while (true) {
    const auto limit = read_number(base + group + "/" + limit_file);
    const auto usage = read_number(base + group + "/" + usage_file);
    if (limit && usage && *limit < kUnlimited) {
      const std::uint64_t held = *usage - std::min(*usage, page_cache(base + group + "/memory.stat"));
      const std::uint64_t here = *limit > held ? *limit - held : 0;
      left = left ? std::min(*left, here) : here;
    }
    if (group.empty() || group == "/") return left;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

}  // namespace

MemoryHeadroom memory_headroom(const std::string& root) {
  MemoryHeadroom headroom;
  headroom.available = mem_available(root);
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {  // "0::/path" (v2), "5:memory:/path" or "5:cpu,memory:/path" (v1)
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      group = line.substr(second + 1);
    std::optional<std::uint64_t> left;
    if (controllers.empty()) left = tightest(root + "/sys/fs/cgroup", group, "memory.max", "memory.current");
    if (("," + controllers + ",").find(",memory,") != std::string::npos) {
      left =
          tightest(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", "memory.usage_in_bytes");
    }
    if (left) headroom.cgroup_left = headroom.cgroup_left ? std::min(*headroom.cgroup_left, *left) : *left;
  }
  return headroom;
}

void require_memory(std::uint64_t need, const MemoryHeadroom& headroom, const std::string& purpose,
                    const std::string& advice) {
  if (need <= headroom.bytes()) return;
  throw Error(ErrorKind::kConfig,
              "too little memory for " + purpose + ": it needs " + gib_text(static_cast<double>(need)) +
                  ", MemAvailable is " + gib_text(static_cast<double>(headroom.available)) +
                  ", the cgroup leaves " +
                  (headroom.cgroup_left ? gib_text(static_cast<double>(*headroom.cgroup_left))
                                        : std::string("no limit")) +
                  "; " + advice);
}

}  // namespace facetrain
