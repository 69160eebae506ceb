#include "tests/kernels/fiber.hpp"

#include <cstdint>
#include <cstdlib>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace facetrain::test {
namespace {

constexpr std::size_t kStackBytes = std::size_t{64} << 10;

void leave([[maybe_unused]] void** frames, [[maybe_unused]] const void* to,
           [[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(frames, to, bytes);
#endif
}

void arrive([[maybe_unused]] void* frames, [[maybe_unused]] const void** from,
            [[maybe_unused]] std::size_t* bytes) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(frames, from, bytes);
#endif
}

}  // namespace

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), stack_(std::make_unique_for_overwrite<std::byte[]>(kStackBytes)) {
  const auto address = reinterpret_cast<std::uintptr_t>(this);
  getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_.get();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;
  // makecontext() passes on nothing wider than an int.
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(address >> 32),
              static_cast<unsigned>(address));
  // AddressSanitizer's swapcontext() would forget what it knows of the frames on a stack that is named here.
  inside_.uc_stack.ss_size = 0;
}

void Fiber::enter(unsigned high, unsigned low) {
  Fiber& self = *reinterpret_cast<Fiber*>((static_cast<std::uintptr_t>(high) << 32) | low);
  arrive(nullptr, &self.outside_stack_, &self.outside_size_);
  self.body_();
  std::abort();
}

void Fiber::resume() {
  void* frames = nullptr;
  leave(&frames, stack_.get(), kStackBytes);
  swapcontext(&outside_, &inside_);
  arrive(frames, nullptr, nullptr);
}

void Fiber::give_way() {
  void* frames = nullptr;
  leave(&frames, outside_stack_, outside_size_);
  swapcontext(&inside_, &outside_);
  arrive(frames, &outside_stack_, &outside_size_);
}

}  // namespace facetrain::test
