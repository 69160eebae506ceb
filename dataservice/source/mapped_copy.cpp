#include "dataservice/source/mapped_copy.hpp"

#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <mutex>

#include "common/error.hpp"

namespace facetrain {
namespace {

constinit thread_local sigjmp_buf* copy_under_way = nullptr;
struct sigaction before;  // the disposition that ours replaced
std::once_flag installed;

void on_bus_error(int signal, siginfo_t* info, void* context) {
  if (copy_under_way != nullptr) siglongjmp(*copy_under_way, 1);
  if ((before.sa_flags & SA_RESETHAND) != 0) std::signal(signal, SIG_DFL);  // it was to run once
  if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
  std::signal(signal, SIG_DFL);  // which ends the process
  std::raise(signal);
}

}  // namespace

void catch_bus_errors() {
  std::call_once(installed, [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    // No mask to restore: leaving the handler by a jump then costs the copy no system call.
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    if (sigaction(SIGBUS, nullptr, &before) != 0 || sigaction(SIGBUS, &action, nullptr) != 0)
      throw Error(ErrorKind::kInternal, with_errno("cannot handle SIGBUS", errno));
  });
}

// Nothing with a destructor lives between the two ends of the jump.
bool copy_mapped(std::span<std::byte> to, const std::byte* from) noexcept {
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) {
    copy_under_way = nullptr;
    return false;
  }
  copy_under_way = &here;
  std::atomic_signal_fence(std::memory_order_seq_cst);  // the handler runs on this thread
  std::memcpy(to.data(), from, to.size());
  std::atomic_signal_fence(std::memory_order_seq_cst);
  copy_under_way = nullptr;
  return true;
}

}  // namespace facetrain
