// SIGUSR1, and SIGTERM where it is one of them, between steps: they end no process that waits for them, nor
// one that they do not concern.
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
  if (child == 0) {
    ::signal(SIGTERM, SIG_DFL);  // doctest has a handler
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("the signal is seen when it has come, once or more often, and from then on") {
  const int code = exit_code_of([] {
    StopSignal stop(StopOn::kUsr1);
    const bool before = stop.has_come();
    std::thread other([] { ::kill(::getpid(), SIGUSR1); });  // to the process; this thread holds it back too
    other.join();
    ::raise(SIGUSR1);
    const bool after = stop.has_come(), again = stop.has_come();
    return (before ? 1 : 0) + (after ? 0 : 2) + (again ? 0 : 4);
  });
  CHECK(code == 0);
}

TEST_CASE("without it the signal ends the process; one that never asks lives on") {
  CHECK(exit_code_of([] { return ::raise(SIGUSR1); }) == -SIGUSR1);
  CHECK(exit_code_of([] {
          StopSignal stop(StopOn::kUsr1);
          return ::raise(SIGUSR1);
        }) == 0);
}

TEST_CASE("a TERM is one of them only where it is asked for") {
  const auto after_term = [](StopOn on) {
    return exit_code_of([on] {
      StopSignal stop(on);
      ::raise(SIGTERM);
      ::raise(SIGTERM);
      return stop.has_come() && stop.term_has_come() ? 0 : 1;
    });
  };
  CHECK(after_term(StopOn::kUsr1AndTerm) == 0);
  CHECK(after_term(StopOn::kUsr1) == -SIGTERM);
  CHECK(exit_code_of([] {
          StopSignal stop(StopOn::kUsr1AndTerm);
          ::raise(SIGUSR1);
          return stop.has_come() && !stop.term_has_come() ? 0 : 1;
        }) == 0);
}

TEST_CASE("what comes while the signals are held back is seen later") {
  CHECK(exit_code_of([] {
          hold_stop_signals(StopOn::kUsr1AndTerm);
          ::raise(SIGTERM);
          return StopSignal(StopOn::kUsr1AndTerm).has_come() ? 0 : 1;
        }) == 0);
  CHECK(exit_code_of([] {
          hold_stop_signals(StopOn::kUsr1);
          ::raise(SIGUSR1);
          return StopSignal(StopOn::kUsr1).has_come() ? 0 : 1;
        }) == 0);
}
