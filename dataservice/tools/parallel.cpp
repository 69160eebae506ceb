#include "dataservice/tools/parallel.hpp"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "common/cpu.hpp"

namespace facetrain {

unsigned parallel_threads() {
  return static_cast<unsigned>(usable_processors());
}

void in_parallel(std::uint64_t n, const std::function<void(unsigned, std::uint64_t)>& work) {
  std::atomic<std::uint64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_lock;
  const auto loop = [&](unsigned thread) {
    try {
      for (std::uint64_t i; (i = next.fetch_add(1)) < n;) work(thread, i);
    } catch (...) {
      next = n;
      const std::lock_guard hold(failure_lock);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned t = 1; t < parallel_threads(); ++t) threads.emplace_back(loop, t);
  loop(0);
  threads.clear();  // joins
  if (failure) std::rethrow_exception(failure);
}

}  // namespace facetrain
