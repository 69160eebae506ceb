// The files of a run, all below one folder, and how long storage may take to write them.
#pragma once

#include <string>

#include "common/config/config.hpp"
#include "common/mpi/session.hpp"
#include "common/watch/time_limit.hpp"

namespace facetrain {

// Written by the first trainer alone. Each throws Error(kIo).
struct RunFiles {
  std::string folder;
  std::string models() const { return folder + "/models"; }

  void create() const;
  // What jobs that were killed have left half-written. Once the folder is this job's, and its data service
  // has written its own.
  void remove_temporaries() const;
  void write_config(const Config& config) const;
};

// What limits.storage means for the files that training writes: one line on the error output, or one and the
// end of the job with 74. mpi: outlives it.
StorageRule storage_rule(MpiSession& mpi, const Config& config);

}  // namespace facetrain
