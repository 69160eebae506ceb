#include "trainer/comm/error_poll.hpp"

#include <sys/prctl.h>

#include <utility>

namespace facetrain {

ErrorPoll::ErrorPoll(std::function<std::optional<std::string>()> error,
                     std::function<void(const std::string&)> failed, std::chrono::milliseconds period)
    : thread_([this, error = std::move(error), failed = std::move(failed), period] {
        prctl(PR_SET_NAME, "error poll");
        std::unique_lock lock(mutex_);
        while (!stopping_) {
          lock.unlock();
          if (const auto text = error()) return failed(*text);
          lock.lock();
          wake_.wait_for(lock, period, [this] { return stopping_; });
        }
      }) {}

ErrorPoll::~ErrorPoll() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

}  // namespace facetrain
