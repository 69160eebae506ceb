// A run's folder belongs to one job at a time. The lock is the kernel's (flock) and ends with its process, so
// that a job which takes over from a dead one finds the folder free; on NFS (version 4) and on Lustre mounted
// with -o flock it holds between nodes too.
#pragma once

#include <string>

#include "common/ipc/fd.hpp"

namespace facetrain {

class FolderLock {
 public:
  // Locks FOLDER/lock and writes this process, its host and its Slurm job into it; one that is just dying is
  // waited for, `patience` seconds. Throws Error(kConfig) naming the owner, Error(kIo) when the file cannot
  // be made. A file system without locks is taken as it is.
  explicit FolderLock(const std::string& folder, double patience = 3);

 private:
  Fd file_;
};

}  // namespace facetrain
