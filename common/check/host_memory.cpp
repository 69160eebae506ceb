#include "common/check/host_memory.hpp"

#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>

#include "common/formatted.hpp"
#include "common/ipc/ring_layout.hpp"

namespace facetrain {

std::uint64_t ring_bytes(const Config& config, Dtype dtype, int trainers, std::uint64_t page) {
  const std::uint64_t one = ring_layout(config, dtype).total_bytes();
  return (one + page - 1) / page * page * static_cast<std::uint64_t>(trainers);
}

Findings host_memory_findings(std::uint64_t rings, std::uint64_t trainers, const MemoryHeadroom& headroom) {
  const std::uint64_t need = rings + trainers;
  std::string where = "batch rings of a node " + gib_text(static_cast<double>(rings));
  if (trainers > 0) where += ", its trainers about " + gib_text(static_cast<double>(trainers));
  const std::string left =
      "MemAvailable is " + gib_text(static_cast<double>(headroom.available)) +
      (headroom.cgroup_left ? ", the cgroup leaves " + gib_text(static_cast<double>(*headroom.cgroup_left))
                            : "");
  if (need > headroom.bytes())
    return {refused(ErrorKind::kConfig, "host memory", where,
                    left + "; lower data.slots or train.batch_size, or give the job more memory")};
  if (need > headroom.bytes() / 2)
    return {
        warning("host memory", where,
                left + ", of which the processes and the page cache need their part too; lower data.slots")};
  return {ok("host memory", where, left)};
}

Findings disk_findings(const std::string& work_path, std::uint64_t weights, std::int64_t epochs,
                       std::uint64_t free_bytes) {
  const double need = static_cast<double>(weights) * static_cast<double>(epochs);
  const std::string where = work_path + ", " + std::to_string(epochs) + " models of " +
                            gib_text(static_cast<double>(weights)) + " = " + gib_text(need);
  const std::string left = gib_text(static_cast<double>(free_bytes)) + " are free";
  if (need > static_cast<double>(free_bytes))
    return {refused(ErrorKind::kConfig, "disk", where,
                    left + "; free some, or set run.work_path to another disk")};
  if (need > 0.8 * static_cast<double>(free_bytes))
    return {warning("disk", where, left + "; checkpoints and logs need some too")};
  return {ok("disk", where, left)};
}

std::uint64_t free_space(const std::string& path) {
  std::filesystem::path folder = std::filesystem::absolute(path).lexically_normal();
  struct statvfs status {};
  while (::statvfs(folder.c_str(), &status) != 0) {
    if ((errno != ENOENT && errno != ENOTDIR) || !folder.has_relative_path())
      throw Error(ErrorKind::kIo,
                  with_errno("cannot see how much space is free at " + folder.string(), errno));
    folder = folder.parent_path();
  }
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace facetrain
