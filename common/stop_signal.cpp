#include "common/stop_signal.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "common/error.hpp"

namespace facetrain {
namespace {

sigset_t stop_signals(StopOn on) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGUSR1);
  if (on == StopOn::kUsr1AndTerm) ::sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void hold_stop_signals(StopOn on) {
  const sigset_t signals = stop_signals(on);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

StopSignal::StopSignal(StopOn on) {
  hold_stop_signals(on);
  const sigset_t signals = stop_signals(on);
  fd_ = Fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw Error(ErrorKind::kInternal, with_errno("signalfd", errno));
}

void StopSignal::look() {
  signalfd_siginfo event{};
  while (::read(fd_.get(), &event, sizeof event) == sizeof event) {
    has_come_ = true;
    if (event.ssi_signo == SIGTERM) term_has_come_ = true;
  }
}

bool StopSignal::has_come() {
  look();
  return has_come_;
}

bool StopSignal::term_has_come() {
  look();
  return term_has_come_;
}

}  // namespace facetrain
