// The trace of a run: what every step trained on and computed, with all digits, to lay two runs beside each
// other. One file for the whole job, written by the first trainer.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

struct TraceStep {
  std::int64_t step = 1;          // from 1
  std::vector<std::int64_t> ids;  // this rank's samples, in order: index in the sorted list
  double loss = 0;                // mean over the global batch
  double grad_norm = 0;           // of the backbone's gradient, before clipping
  double lr = 0;
};

// {"step": 1, "rank": 0, "ids": [3, 1], "loss": 0.5, "grad_norm": 2, "lr": 0.1}: 17 significant digits; what
// is not finite is written as Python's json does (NaN, Infinity).
std::string trace_line(const TraceStep& step, int rank);

// The lines of a trace whose step is at most `last`.
std::string trace_up_to(std::string_view trace, std::int64_t last);

class Trace {
 public:
  // Rank 0 creates the file, or keeps of it the lines of steps up to `keep`, which a run that goes on has
  // done. `trainers` outlives the trace, device: where its tensors lie. Throws Error(kIo) naming the path.
  Trace(const std::string& path, Communicator& trainers, at::Device device, std::int64_t keep = 0);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  // Collective: each rank's line, by rank, in the file when it returns on rank 0 (waits for the device). All
  // ranks have as many ids. Throws Error(kIo).
  void write(const TraceStep& step);

 private:
  std::string path_;
  Communicator& trainers_;
  at::Device device_;
  std::FILE* file_ = nullptr;  // rank 0's
};

}  // namespace facetrain
