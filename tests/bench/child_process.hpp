// A forked process that does one piece of a benchmark, and what it costs. Fork before starting threads.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace facetrain::bench {

class ChildProcess {
 public:
  // Runs `work` in a new process that ends with it: exit code 0, or 1 with the error on standard error. It
  // dies with this process.
  explicit ChildProcess(const std::function<void()>& work);
  ~ChildProcess();  // kills it when it still runs
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) = delete;

  pid_t pid() const { return pid_; }
  double cpu_us() const;  // of all its threads, so far
  bool running() const;
  // Waits for its end. Throws Error(kInternal) when it failed.
  void wait();

 private:
  pid_t pid_ = -1;
};

// What a process keeps in memory, in MiB, by the kernel's account (/proc/PID/status). `files`: pages of
// mapped files, which the kernel takes back when it needs them.
struct Memory {
  double anonymous = 0, shared = 0, files = 0;
};
Memory memory_of(pid_t pid);

// Microseconds that the threads of this process, but for the calling one, have waited for a processor while
// they could run (/proc/self/task/*/schedstat). 0 where the kernel does not count it.
double waited_for_processor_us();

}  // namespace facetrain::bench
