#include "common/stop_signal.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "common/error.hpp"

namespace facetrain {

StopSignal::StopSignal() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  fd_ = Fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw Error(ErrorKind::kInternal, with_errno("signalfd", errno));
}

bool StopSignal::has_come() {
  signalfd_siginfo event{};
  while (::read(fd_.get(), &event, sizeof event) == sizeof event) has_come_ = true;
  return has_come_;
}

void ignore_stop_signal() {
  ::signal(SIGUSR1, SIG_IGN);
}

}  // namespace facetrain
