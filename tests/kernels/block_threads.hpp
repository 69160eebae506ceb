// The threads of a block of a launch (cuda_on_cpu.hpp), as fibers: they run in turn, each until it waits or
// ends, and go on when all whom they wait for have come. Throws std::logic_error where that never happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/kernels/cuda_on_cpu.hpp"
#include "tests/kernels/fiber.hpp"

namespace on_cpu {

class BlockThreads {
 public:
  // `turns(n)`: in which order n threads have their turns; `begin_turn(i)`: called before thread i's.
  using Turns = std::function<std::vector<std::size_t>(std::size_t)>;
  BlockThreads(Turns turns, std::function<void(std::size_t)> begin_turn)
      : turns_(std::move(turns)), begin_turn_(std::move(begin_turn)) {}

  // Each of `count` threads does `work`. After an exception, of a thread's too, the fibers are made anew.
  void run(std::size_t count, const std::function<void()>& work);

  // For the thread whose turn it is.
  void wait_for_block(const Site& site);
  // What lane `lane` of its warp gives to the same shuffle; its own where there is none.
  std::uint64_t shuffle(std::uint64_t value, std::size_t lane, const Site& site);
  std::size_t lane() const;

 private:
  enum class State { kRuns, kAtShuffle, kAtBarrier, kEnded };
  struct Thread {
    std::unique_ptr<facetrain::test::Fiber> fiber;
    State state = State::kRuns;
    Site site;
    // What it gives to shuffles, by turns: others read the one until all have come to the next.
    std::uint64_t given[2] = {};
    unsigned shuffles = 0;
  };
  [[noreturn]] void live();
  void wait(State state, const Site& site);
  void give_turns();
  bool release(State state, std::size_t begin, std::size_t expected, const char* what, bool may_come);

  Turns turns_;
  std::function<void(std::size_t)> begin_turn_;
  const std::function<void()>* work_ = nullptr;
  std::vector<Thread> threads_;
  std::size_t current_ = 0;
  std::exception_ptr failure_;
};

[[noreturn]] void fail(const std::string& what, const Site& site);  // with the block that runs

}  // namespace on_cpu
