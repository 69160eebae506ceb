// What ranks ask of each other between two steps: a checkpoint, the end of the job. All learn it at the same
// step, and no step waits for it.
#pragma once

#include <cstdint>
#include <future>
#include <memory>

#include "common/mpi/communicators.hpp"

namespace facetrain {

enum Request : std::uint32_t { kNothing = 0, kSave = 1, kStop = 2 };

class Requests {
 public:
  explicit Requests(MpiComm trainers);
  // Waits for what is under way; but not while an exception unwinds: the other ranks may never come.
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  // After each step, on all ranks: tells the others what this rank asks for (Requests, or-ed), and returns
  // what any rank asked for after the step before. Collective.
  std::uint32_t exchange(std::uint32_t own);

 private:
  MpiComm trainers_;
  std::shared_ptr<std::uint32_t> asked_;  // of the step before
  std::future<void> known_;
  int exceptions_at_birth_;
};

}  // namespace facetrain
