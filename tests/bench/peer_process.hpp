// A peer that runs in a process of its own (a Python script): we write lines to it, it answers with lines or
// bytes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/interleave.hpp"

namespace facetrain::bench {

class PeerProcess {
 public:
  // `command`: a program's path and its arguments. Its standard error is ours.
  explicit PeerProcess(const std::vector<std::string>& command);
  ~PeerProcess();  // closes its input and waits for its end
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  void tell(const std::string& line);
  // Both throw Error(kInput) when it ended before.
  std::string line();  // without the line's end
  void read(std::span<std::byte> bytes);
  // Tells it `line`; it answers with two numbers, microseconds of processor and clock.
  Cost cost_of(const std::string& line);

 private:
  [[noreturn]] void ended() const;

  std::string name_;
  pid_t pid_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace facetrain::bench
