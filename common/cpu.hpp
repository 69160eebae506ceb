// How many processors this process may use.
#pragma once

namespace facetrain {

// The size of the affinity mask (sched_getaffinity), at least 1: under mpirun or Slurm that is this process's
// share, while std::thread::hardware_concurrency() counts the whole machine.
int usable_processors();

}  // namespace facetrain
