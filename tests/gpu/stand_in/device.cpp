#include "tests/gpu/stand_in/device.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace facetrain::stand_in {
namespace {

constexpr std::size_t kStep = std::size_t{2} << 20;  // LibTorch's allocator counts in steps of 2 MB

double number(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atof(text);
}

}  // namespace

// FACETRAIN_STAND_IN_GPUS (1) devices of FACETRAIN_STAND_IN_GIB (79: an H100) each; the process uses one of
// them, which breaks after FACETRAIN_STAND_IN_BREAKS launches.
Device::Device()
    : total_(static_cast<std::size_t>(number("FACETRAIN_STAND_IN_GIB", 79) * (1u << 30))),
      count_(static_cast<int>(number("FACETRAIN_STAND_IN_GPUS", 1))),
      most_launches_(static_cast<long>(number("FACETRAIN_STAND_IN_BREAKS", 1e15))) {
  if (const char* path = std::getenv("FACETRAIN_STAND_IN_TRACE"))
    trace_ = std::fopen((std::string(path) + "." + std::to_string(getpid())).c_str(), "w");
  if (std::getenv("FACETRAIN_STAND_IN_REPORT") != nullptr) std::atexit([] { Device::get().report(); });
}

Device& Device::get() {
  static Device* const device = new Device;
  return *device;
}

cudaError_t Device::allocate(void** at, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (used_ + bytes > total_) return cudaErrorMemoryAllocation;
  void* memory = mmap(nullptr, bytes + kStep, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return cudaErrorMemoryAllocation;
  const auto begin = (reinterpret_cast<std::size_t>(memory) + kStep - 1) / kStep * kStep;
  *at = reinterpret_cast<void*>(begin);
  ranges_[static_cast<const char*>(*at)] = {bytes, Memory::kDevice};
  used_ += bytes;
  most_ = used_ > most_ ? used_ : most_;
  return cudaSuccess;
}

cudaError_t Device::release(void* at) {
  if (at == nullptr) return cudaSuccess;
  const std::lock_guard lock(mutex_);
  const auto range = ranges_.find(static_cast<const char*>(at));
  if (range == ranges_.end() || range->second.kind != Memory::kDevice) return cudaErrorInvalidValue;
  used_ -= range->second.bytes;
  munmap(at, range->second.bytes);
  ranges_.erase(range);
  return cudaSuccess;
}

bool Device::pin(void* at, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  return ranges_.try_emplace(static_cast<const char*>(at), Range{bytes, Memory::kPinned}).second;
}

bool Device::unpin(void* at) {
  const std::lock_guard lock(mutex_);
  return ranges_.erase(static_cast<const char*>(at)) == 1;
}

Memory Device::kind_of(const void* at) {
  const std::lock_guard lock(mutex_);
  const auto* byte = static_cast<const char*>(at);
  auto range = ranges_.upper_bound(byte);
  if (range == ranges_.begin()) return Memory::kUnknown;
  --range;
  return byte < range->first + range->second.bytes ? range->second.kind : Memory::kUnknown;
}

std::size_t Device::used() {
  const std::lock_guard lock(mutex_);
  return used_;
}

void Device::launched(const char* what) {
  ++launches_;
  if (trace_ != nullptr) trace(what, false);
}

void Device::waited(const char* what) {
  ++waits_;
  if (trace_ != nullptr) trace(what, true);
}

Counts Device::counts() {
  const std::lock_guard lock(mutex_);
  return {launches_, waits_, static_cast<long>(used_), static_cast<long>(most_)};
}

void Device::report() {
  const Counts of = counts();
  std::fprintf(stderr, "stand-in for CUDA: %ld launches, %ld waits, at most %.3f GiB\n", of.launches,
               of.waits, static_cast<double>(of.most_device_bytes) / (1u << 30));
}

void Device::trace(const char* what, bool stack) {
  const std::lock_guard lock(mutex_);
  auto* const file = static_cast<std::FILE*>(trace_);
  std::fprintf(file, "%s\n", what);
  std::array<void*, 40> frames{};
  const int count = stack ? backtrace(frames.data(), static_cast<int>(frames.size())) : 0;
  for (int i = 2; i < count; ++i) {
    Dl_info info{};
    if (dladdr(frames[static_cast<std::size_t>(i)], &info) == 0) continue;
    const auto from = static_cast<const char*>(frames[static_cast<std::size_t>(i)]) -
                      static_cast<const char*>(info.dli_fbase);
    std::fprintf(file, "    %s+0x%tx %s\n", info.dli_fname, from,
                 info.dli_sname == nullptr ? "" : info.dli_sname);
  }
  std::fflush(file);
}

extern "C" __attribute__((visibility("default"))) Counts facetrain_stand_in_counts() {
  return Device::get().counts();
}

}  // namespace facetrain::stand_in
