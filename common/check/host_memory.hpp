// Host memory and disk against what a run needs, before it starts.
#pragma once

#include <cstdint>
#include <string>

#include "common/check/finding.hpp"
#include "common/config/config.hpp"
#include "common/dtype.hpp"
#include "common/ipc/memory_limit.hpp"

namespace facetrain {

// Bytes of the rings of a node's trainers, each rounded up to the system's pages (ring_layout.hpp counts
// pages of 4 KiB; memfds take whole pages of `page` bytes).
std::uint64_t ring_bytes(const Config& config, Dtype dtype, int trainers, std::uint64_t page);

// The rings, and on a CPU what `trainers` bytes the trainers compute in, against MemAvailable and the cgroup.
// Refused when they do not fit, warned above half.
Findings host_memory_findings(std::uint64_t rings, std::uint64_t trainers, const MemoryHeadroom& headroom);

// Exported models (`weights` bytes each, one an epoch) against the free space of the run's file system.
Findings disk_findings(const std::string& work_path, std::uint64_t weights, std::int64_t epochs,
                       std::uint64_t free_bytes);

// Free bytes for this user on the file system of `path`, or of the nearest folder above it that exists.
// Throws Error(kIo).
std::uint64_t free_space(const std::string& path);

}  // namespace facetrain
