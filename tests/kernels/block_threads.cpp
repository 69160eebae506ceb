#include "tests/kernels/block_threads.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace on_cpu {
namespace {

constexpr std::size_t kWarp = 32;

bool same(const Site& a, const Site& b) {
  return a.line() == b.line() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

}  // namespace

void fail(const std::string& what, const Site& site) {
  throw std::logic_error(std::string(site.file_name()) + ":" + std::to_string(site.line()) + ": block (" +
                         std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + "): " + what);
}

// A fiber is kept for the threads of later blocks.
void BlockThreads::live() {
  for (;;) {
    try {
      (*work_)();
    } catch (...) {
      failure_ = std::current_exception();
    }
    wait(State::kEnded, Site::current());
  }
}

void BlockThreads::wait(State state, const Site& site) {
  Thread& self = threads_[current_];
  self.state = state;
  self.site = site;
  self.fiber->give_way();
}

void BlockThreads::wait_for_block(const Site& site) {
  wait(State::kAtBarrier, site);
}

std::size_t BlockThreads::lane() const {
  return current_ % kWarp;
}

std::uint64_t BlockThreads::shuffle(std::uint64_t value, std::size_t lane, const Site& site) {
  const std::size_t self = current_;
  const unsigned turn = threads_[self].shuffles++ % 2;
  threads_[self].given[turn] = value;
  wait(State::kAtShuffle, site);
  return lane < kWarp ? threads_[self / kWarp * kWarp + lane].given[turn] : value;
}

// Whether `expected` threads from `begin` on all wait in `state`, and at one place; then they go on. Where
// some do, the others must come too: at once, unless they still `may_come`.
bool BlockThreads::release(State state, std::size_t begin, std::size_t expected, const char* what,
                           bool may_come) {
  const auto first = threads_.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto last =
      threads_.begin() + static_cast<std::ptrdiff_t>(std::min(begin + expected, threads_.size()));
  const auto waits = [&](const Thread& thread) { return thread.state == state; };
  const auto count = static_cast<std::size_t>(std::count_if(first, last, waits));
  if (count == 0 || (count < expected && may_come)) return false;
  const Site& site = std::find_if(first, last, waits)->site;
  if (count < expected)
    fail(std::to_string(count) + " of " + std::to_string(expected) + " threads are at this " + what, site);
  if (!std::all_of(first, last, [&](const Thread& thread) { return same(thread.site, site); }))
    fail(std::string("not all threads are at this ") + what, site);
  std::for_each(first, last, [](Thread& thread) { thread.state = State::kRuns; });
  return true;
}

void BlockThreads::give_turns() {
  for (const std::size_t i : turns_(threads_.size())) {
    if (threads_[i].state != State::kRuns) continue;
    current_ = i;
    begin_turn_(i);
    threads_[i].fiber->resume();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void BlockThreads::run(std::size_t count, const std::function<void()>& work) {
  work_ = &work;
  threads_.resize(count);
  for (Thread& thread : threads_) {
    if (!thread.fiber) thread.fiber = std::make_unique<facetrain::test::Fiber>([this] { live(); });
    thread.state = State::kRuns;
    thread.shuffles = 0;
  }
  try {
    for (bool going = true; going;) {
      give_turns();
      going = false;
      for (std::size_t begin = 0; begin < count; begin += kWarp)
        if (release(State::kAtShuffle, begin, kWarp, "shuffle", false)) going = true;
      if (release(State::kAtBarrier, 0, count, "barrier", going)) going = true;
    }
  } catch (...) {
    threads_.clear();  // they wait where they will never go on
    throw;
  }
}

}  // namespace on_cpu
