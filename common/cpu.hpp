// How many processors this process may use.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace facetrain {

// The size of the affinity mask (sched_getaffinity), at least 1: under mpirun or Slurm that is this process's
// share, while std::thread::hardware_concurrency() counts the whole machine.
int usable_processors();

// An affinity mask of any size, a bit for each processor. get: as sched_getaffinity of this process, 0 or an
// errno; the kernel says EINVAL to a buffer of fewer bits than the machine could have processors. Empty where
// it does not tell.
using GetAffinity = std::function<int(std::span<std::uint64_t> words)>;
std::vector<std::uint64_t> affinity_words(const GetAffinity& get);

// The affinity mask, a bit for each of 1,024 processors; in a larger machine processor n has that of n modulo
// 1,024.
using ProcessorMask = std::array<std::uint64_t, 16>;
ProcessorMask usable_mask();

// How many processors are a process's own, at least 1, when `all` are the masks of the processes that compute
// beside it on its machine, its own among them: those of its mask, divided by the masks that have any of
// them. So it does not matter whether mpirun has bound each process to its share or none of them.
int processor_share(const ProcessorMask& own, std::span<const ProcessorMask> all);

}  // namespace facetrain
