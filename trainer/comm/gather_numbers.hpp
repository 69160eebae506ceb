// A few numbers of every rank, on every rank.
#pragma once

#include <vector>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

// (world size, n) float64 on the CPU: row r is rank r's `own`, n numbers on each. Integers below 2^53 stay
// exact. They travel by `device`, where the communicator's tensors lie; waits for it. Collective.
at::Tensor gather_numbers(const std::vector<double>& own, Communicator& trainers, at::Device device);

}  // namespace facetrain
