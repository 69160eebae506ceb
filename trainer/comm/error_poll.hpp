// Asks again and again, from a thread of its own, whether something has failed: for failures that nobody
// would notice otherwise, because the one who waits for the result waits for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace facetrain {

class ErrorPoll {
 public:
  // Calls `error` at once and then every `period`, until it returns a text or the object dies; then `failed`
  // is called once, with that text. Both run on the poll's thread; an exception out of either ends the
  // process.
  ErrorPoll(std::function<std::optional<std::string>()> error, std::function<void(const std::string&)> failed,
            std::chrono::milliseconds period);
  // Waits for a call that is under way.
  ~ErrorPoll();
  ErrorPoll(const ErrorPoll&) = delete;
  ErrorPoll& operator=(const ErrorPoll&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace facetrain
