// SIGUSR1 between steps: it ends no process that waits for it, nor one that it does not concern.
#include "common/stop_signal.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

using namespace facetrain;

namespace {

// The exit code of a process that runs `body`, or minus the signal that ended it.
template <class Body>
int exit_code_of(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("the signal is seen when it has come, once or more often, and from then on") {
  const int code = exit_code_of([] {
    StopSignal stop;
    const bool before = stop.has_come();
    std::thread other([] { ::kill(::getpid(), SIGUSR1); });  // to the process; this thread holds it back too
    other.join();
    ::raise(SIGUSR1);
    const bool after = stop.has_come(), again = stop.has_come();
    return (before ? 1 : 0) + (after ? 0 : 2) + (again ? 0 : 4);
  });
  CHECK(code == 0);
}

TEST_CASE("without it the signal ends the process; one that ignores it lives on") {
  CHECK(exit_code_of([] { return ::raise(SIGUSR1); }) == -SIGUSR1);
  CHECK(exit_code_of([] {
          ignore_stop_signal();
          return ::raise(SIGUSR1);
        }) == 0);
}
