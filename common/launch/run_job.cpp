#include "common/launch/run_job.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "common/error.hpp"
#include "common/host_name.hpp"
#include "common/ipc/fd.hpp"
#include "common/launch/mpirun_messages.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kOrphansDie{10};

// Turns the signals that the launcher handles into readable events, for as long as it lives.
class SignalEvents {
 public:
  SignalEvents() {
    ::signal(SIGCHLD, SIG_DFL);  // ignored, as some parents leave it, it would lose the exit code
    ::sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) ::sigaddset(&signals_, signal);
    // Under nohup the closing terminal is to be ignored; a blocked signal would arrive all the same.
    struct sigaction on_hangup {};
    ::sigaction(SIGHUP, nullptr, &on_hangup);
    if (on_hangup.sa_handler != SIG_IGN) ::sigaddset(&signals_, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &signals_, &before_);
    fd_ = Fd(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw Error(ErrorKind::kInternal, with_errno("signalfd", errno));
  }
  ~SignalEvents() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalEvents(const SignalEvents&) = delete;
  SignalEvents& operator=(const SignalEvents&) = delete;

  int fd() const { return fd_.get(); }
  const sigset_t& handled() const { return signals_; }
  std::optional<int> next() const {
    signalfd_siginfo event{};
    if (::read(fd_.get(), &event, sizeof event) != sizeof event) return {};
    return static_cast<int>(event.ssi_signo);
  }

 private:
  sigset_t signals_{}, before_{};
  Fd fd_;
};

struct Child {
  pid_t pid = -1;
  Fd errors;  // its standard error, nonblocking
};

Child start(const std::vector<std::string>& argv, const SignalEvents& signals) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(ErrorKind::kInternal, with_errno("pipe", errno));
  Child child;
  child.errors = Fd(ends[0]);
  const Fd write_end(ends[1]);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  child.pid = ::fork();
  if (child.pid < 0) throw Error(ErrorKind::kInternal, with_errno("fork", errno));
  if (child.pid == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, STDIN_FILENO);
    ::dup2(write_end.get(), STDERR_FILENO);
    ::sigprocmask(SIG_UNBLOCK, &signals.handled(), nullptr);  // main() may have held some back before
    // Where /sys is not mounted (chroots, some containers) Open MPI's hwloc says so once for each process,
    // amid the job's own lines.
    ::setenv("HWLOC_HIDE_ERRORS", "2", 0);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  ::setpgid(child.pid, child.pid);  // here too, so that it holds whoever runs first
  ::fcntl(child.errors.get(), F_SETFL, O_NONBLOCK);
  return child;
}

// Passes mpirun's standard error on, line by line.
class ErrorStream {
 public:
  explicit ErrorStream(int node_processes) : messages_(node_processes) {}

  // Reads what is there; false at the end of the stream.
  bool pump(int fd) {
    std::array<char, 4096> buffer;
    while (true) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno == EAGAIN;
      if (got == 0) return false;
      for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(got))) {
        if (c == '\n') {
          show(messages_.take(std::exchange(line_, {})));
        } else {
          line_ += c;
        }
      }
    }
  }
  void finish() {
    if (!line_.empty()) show(messages_.take(std::exchange(line_, {})));
    show(messages_.finish());
  }
  bool has_shown() const { return has_shown_; }

 private:
  void show(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      std::cerr << line + "\n" << std::flush;
      has_shown_ = true;
    }
  }

  MpirunMessages messages_;
  std::string line_;
  bool has_shown_ = false;
};

// Kills this process's children: what mpirun left, since as the job's subreaper it is the parent of the
// orphans. Returns them.
std::vector<pid_t> kill_children() {
  namespace fs = std::filesystem;
  std::error_code none;
  std::vector<pid_t> killed;
  for (const auto& entry : fs::directory_iterator("/proc", none)) {
    const std::string name = entry.path().filename();
    const auto number = parse_number<pid_t>(name);
    if (!number) continue;
    const pid_t pid = *number;
    std::ostringstream stat;
    stat << std::ifstream(entry.path() / "stat").rdbuf();
    const std::string text = stat.str();
    const auto after_name = text.rfind(')');  // the name may hold spaces and brackets
    char state = 0;
    pid_t parent = 0;
    if (after_name != text.npos && std::istringstream(text.substr(after_name + 1)) >> state >> parent &&
        parent == ::getpid()) {
      ::kill(pid, SIGKILL);
      killed.push_back(pid);
    }
  }
  return killed;
}

// Kills and reaps what mpirun left. An orphan's own children arrive here when it dies: until there is none
// left, or one does not die.
void end_orphans() {
  const auto give_up = Clock::now() + kOrphansDie;
  while (true) {
    const std::vector<pid_t> killed = kill_children();
    pid_t reaped = 0;
    while ((reaped = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (reaped < 0) return;  // no children
    if (Clock::now() > give_up) {
      for (const pid_t pid : killed)
        std::cerr << "facetrain: process " + std::to_string(pid) + " cannot be killed\n";
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

const char* name_of_signal(int signal) {
  return signal == SIGINT    ? "Ctrl-C"
         : signal == SIGTERM ? "SIGTERM"
         : signal == SIGUSR1 ? "SIGUSR1"
                             : "SIGHUP";
}

}  // namespace

int run_job(const std::vector<std::string>& argv, int node_processes, FirstSignal first,
            std::chrono::seconds grace) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const SignalEvents signals;
  // What has come before there is a job ends it before it begins, and nothing is lost.
  while (const auto signal = signals.next()) {
    if (*signal == SIGCHLD) continue;
    if (*signal == SIGUSR1 || first == FirstSignal::kCheckpoint) {
      std::cerr << "facetrain: " << name_of_signal(*signal) << " came before the job had begun\n";
      return kExitCheckpointed;
    }
    return 128 + *signal;
  }
  const Child child = start(argv, signals);
  ErrorStream errors(node_processes);
  int stopped_by = 0;
  bool asked = false;  // to write a checkpoint
  int status = 0;
  bool is_running = true, is_open = true;
  Clock::time_point kill_at = Clock::time_point::max();  // mpirun may be deaf to the first signal
  while (is_running) {
    std::array<pollfd, 2> events{{{signals.fd(), POLLIN, 0}, {is_open ? child.errors.get() : -1, POLLIN, 0}}};
    ::poll(events.data(), events.size(), stopped_by != 0 ? 100 : -1);
    if (events[1].revents != 0) is_open = errors.pump(child.errors.get());
    while (const auto signal = signals.next()) {
      if (*signal == SIGCHLD) continue;
      if (*signal == SIGUSR1 && asked) continue;  // mpirun itself ends at a second one
      if (*signal == SIGUSR1 || (first == FirstSignal::kCheckpoint && !asked)) {
        if (*signal != SIGUSR1)
          std::cerr << "facetrain: " << name_of_signal(*signal)
                    << ": the job finishes its step and writes a checkpoint (once more: stop it at once)\n"
                    << std::flush;
        asked = true;
        ::kill(child.pid, SIGUSR1);
        continue;
      }
      std::cerr << "facetrain: " << name_of_signal(*signal)
                << (stopped_by == 0 ? ": stopping the job (once more: kill it)\n" : ": killing the job\n")
                << std::flush;
      ::kill(-child.pid, stopped_by == 0 ? SIGTERM : SIGKILL);
      if (stopped_by == 0) kill_at = Clock::now() + grace;
      if (stopped_by == 0) stopped_by = *signal;
    }
    if (Clock::now() >= kill_at) {
      std::cerr << "facetrain: mpirun did not stop within " << grace.count() << " s: killing the job\n"
                << std::flush;
      ::kill(-child.pid, SIGKILL);
      kill_at = Clock::time_point::max();
    }
    is_running = ::waitpid(child.pid, &status, WNOHANG) == 0;
  }
  end_orphans();
  errors.pump(child.errors.get());
  errors.finish();
  if (stopped_by != 0) return 128 + stopped_by;
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (asked && code == 128 + SIGUSR1) return kExitCheckpointed;
  if (code != 0 && code != kExitCheckpointed && !errors.has_shown())
    std::cerr << (WIFSIGNALED(status)
                      ? "facetrain: mpirun on " + host_name() + " was killed by signal " +
                            std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")\n"
                      : "facetrain: the job ended with exit code " + std::to_string(code) +
                            " and without a reason\n");
  return code;
}

}  // namespace facetrain
