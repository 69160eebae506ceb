// Whether the data services of a job read the same data: each has its own files, on a disk of its node
// perhaps.
#pragma once

#include <span>
#include <string>

#include "common/checkpoint/manifest.hpp"

namespace facetrain {

struct ServiceData {
  std::string process;  // "dataservice (rank 0 on n1)"
  DataIdentity data;
};

// Names the first service and the first one that reads other data, with what both read and what to do; empty
// where all read the same.
std::string data_mismatch(std::span<const ServiceData> services);

}  // namespace facetrain
