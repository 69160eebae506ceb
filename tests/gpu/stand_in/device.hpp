// The state of the device that is none, and what the library's parts note on it.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>

#include "tests/gpu/stand_in/counts.hpp"

namespace facetrain::stand_in {

enum class Memory { kUnknown, kPinned, kDevice };

// One for the process. It is never destroyed: LibTorch frees memory while the process ends.
class Device {
 public:
  static Device& get();

  cudaError_t allocate(void** at, std::size_t bytes);  // as cudaMalloc: refused beyond total()
  cudaError_t release(void* at);
  bool pin(void* at, std::size_t bytes);  // false: it was
  bool unpin(void* at);
  Memory kind_of(const void* at);

  std::size_t total() const { return total_; }
  std::size_t used();
  int count() const { return count_; }
  bool broken() const { return launches_ > most_launches_; }  // what a GPU is after an access to wrong memory

  void launched(const char* what);
  void waited(const char* what);  // FACETRAIN_STAND_IN_TRACE: with the stack, into that file
  Counts counts();
  void report();  // to the error output; FACETRAIN_STAND_IN_REPORT: at the process's end

 private:
  Device();
  void trace(const char* what, bool stack);
  struct Range {
    std::size_t bytes;
    Memory kind;
  };
  std::mutex mutex_;
  std::map<const char*, Range> ranges_;
  std::size_t total_, used_ = 0, most_ = 0;
  int count_;
  long most_launches_;
  std::atomic<long> launches_{0}, waits_{0};
  void* trace_ = nullptr;  // FILE
};

}  // namespace facetrain::stand_in
