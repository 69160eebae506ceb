// A run's folder belongs to one job at a time. The lock is the kernel's (flock) and ends with its process, so
// that a job which takes over from a dead one finds the folder free; on NFS (version 4) and on Lustre mounted
// with -o flock it holds between nodes too.
#pragma once

#include <sys/file.h>

#include <string>

#include "common/ipc/fd.hpp"

namespace facetrain {

// What flock's answer, 0 or an errno, means to who wants the lock.
enum class LockAnswer {
  kOurs,
  kTaken,    // by another process
  kAgain,    // interrupted by a signal
  kNoLocks,  // the file system gives none (ENOLCK: NFS without its lock daemon, Lustre without -o flock)
};
LockAnswer lock_answer(int error);

class FolderLock {
 public:
  // Locks FOLDER/lock and writes this process, its host and its Slurm job into it; one that is just dying is
  // waited for, `patience` seconds. Throws Error(kConfig) naming the owner, Error(kIo) when the file cannot
  // be made. lock: flock(2); tests give another.
  explicit FolderLock(const std::string& folder, double patience = 3, int (*lock)(int, int) = ::flock);

  // What to log where the file system gives no locks, so that a second job would not be refused; else empty.
  const std::string& warning() const { return warning_; }

 private:
  Fd file_;
  std::string warning_;
};

}  // namespace facetrain
