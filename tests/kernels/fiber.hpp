// A flow of control with a stack of its own: resume() runs its body until the body gives way.
// AddressSanitizer is told of each change of stacks.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace facetrain::test {

class Fiber {
 public:
  // `body` must neither return nor throw. A fiber may be dropped where its body waits in give_way(): what the
  // body has on its stack is then forgotten, not destroyed.
  explicit Fiber(std::function<void()> body);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void resume();    // called outside of the body
  void give_way();  // called by the body: resume() returns

 private:
  static void enter(unsigned high, unsigned low);

  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_;
  ucontext_t inside_, outside_;
  // AddressSanitizer's.
  const void* outside_stack_ = nullptr;
  std::size_t outside_size_ = 0;
};

}  // namespace facetrain::test
