#include "common/io/folder_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "common/error.hpp"
#include "common/host_name.hpp"

namespace facetrain {
namespace {

std::string this_process() {
  std::string text = "process " + std::to_string(::getpid()) + " on " + host_name();
  if (const char* job = std::getenv("SLURM_JOB_ID")) text += std::string(" (Slurm job ") + job + ")";
  return text;
}

std::string owner_in(int file) {
  std::array<char, 512> text{};
  const ssize_t got = ::pread(file, text.data(), text.size() - 1, 0);
  const std::string owner = got > 0 ? text.data() : "";
  return owner.empty() ? "another job" : owner.substr(0, owner.find('\n'));
}

}  // namespace

LockAnswer lock_answer(int error) {
  switch (error) {
    case 0:
      return LockAnswer::kOurs;
    case EWOULDBLOCK:
      return LockAnswer::kTaken;
    case EINTR:
      return LockAnswer::kAgain;
    default:
      return LockAnswer::kNoLocks;
  }
}

FolderLock::FolderLock(const std::string& folder, double patience, int (*lock)(int, int)) {
  const std::string path = folder + "/lock";
  file_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file_) throw Error(ErrorKind::kIo, with_errno("create " + path, errno));
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration<double>(patience);
  while (true) {
    const int error = lock(file_.get(), LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    const LockAnswer answer = lock_answer(error);
    if (answer == LockAnswer::kOurs) break;
    if (answer == LockAnswer::kAgain) continue;
    if (answer == LockAnswer::kNoLocks) {
      warning_ = with_errno("WARNING: the file system of " + folder + " gives no lock", error) +
                 "; a second job with this run.prefix is not refused and would spoil this one's checkpoints: "
                 "see to it that none is started";
      return;
    }
    if (Clock::now() >= until)
      throw Error(ErrorKind::kConfig, folder + " is in use by " + owner_in(file_.get()) +
                                          ": wait until it ends, or start this run with another run.prefix");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const std::string owner = this_process() + "\n";
  if (::ftruncate(file_.get(), 0) != 0 ||
      ::pwrite(file_.get(), owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size()))
    throw Error(ErrorKind::kIo, with_errno("write " + path, errno));
}

}  // namespace facetrain
