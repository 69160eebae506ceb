// Faults on purpose, for tests of what goes wrong (debug.inject): "rank=1,step=5,fault=nan".
#pragma once

#include <cstdint>
#include <string_view>

namespace facetrain {

enum class Fault {
  kNone,
  kNan,       // the batch's first picture is not a number
  kOverflow,  // a gradient is infinite, the loss is not; a run on the CPU gets float16's loss scale to have
              // it
  kStop,      // the process stops as by SIGSTOP
  kSlow,      // the update takes half a second more
  kStall,     // a data service's read number `step` never comes back; nor does a trainer's writing of the
              // checkpoint of update `step`
};

struct Injection {
  Fault fault = Fault::kNone;
  int rank = 0;           // as mpirun counts
  std::int64_t step = 1;  // the first update that it concerns, from 1
  std::int64_t steps = 1;

  // What befalls this rank in this update.
  Fault at(int of_rank, std::int64_t of_step) const {
    return of_rank == rank && of_step >= step && of_step < step + steps ? fault : Fault::kNone;
  }
};

// rank=R,step=S,fault=nan|overflow|stop|slow|stall[,steps=N]; empty: no fault. Throws Error(kConfig) for
// anything else.
Injection parse_injection(std::string_view text);

}  // namespace facetrain
