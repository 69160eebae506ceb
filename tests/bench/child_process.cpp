#include "tests/bench/child_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "common/error.hpp"

namespace facetrain::bench {

ChildProcess::ChildProcess(const std::function<void()>& work) {
  std::cout.flush();
  pid_ = ::fork();
  if (pid_ < 0) throw Error(ErrorKind::kInternal, with_errno("fork", errno));
  if (pid_ > 0) return;
  int code = 0;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    work();
  } catch (...) {
    std::cerr << "a process of the benchmark failed: " << current_failure().text << "\n";
    code = 1;
  }
  std::cout.flush();
  ::_exit(code);
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

double ChildProcess::cpu_us() const {
  clockid_t clock{};
  timespec now{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &now) != 0)
    throw Error(ErrorKind::kInternal, "a process of the benchmark has ended too early");
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

bool ChildProcess::running() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

void ChildProcess::wait() {
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(ErrorKind::kInternal, "a process of the benchmark failed");
}

Memory memory_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  Memory memory;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    double kibibytes = 0;
    if (!(words >> name >> kibibytes)) continue;
    if (name == "RssAnon:") memory.anonymous = kibibytes / 1024;
    if (name == "RssShmem:") memory.shared = kibibytes / 1024;
    if (name == "RssFile:") memory.files = kibibytes / 1024;
  }
  return memory;
}

double waited_for_processor_us() {
  double sum = 0;
  const std::string own = std::to_string(::gettid());
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == own) continue;
    std::ifstream file(task.path() / "schedstat");
    double ran = 0, waited = 0;
    if (file >> ran >> waited) sum += waited / 1e3;
  }
  return sum;
}

}  // namespace facetrain::bench
