// What train.precision means: in which numbers a network computes, and in which its pictures come.
#pragma once

#include <string>

#include "common/dtype.hpp"

namespace facetrain {

enum class Precision { kFp16, kBf16, kFp32, kFp64 };

// train.precision on a device; fp16 on the CPU becomes fp32 (the caller says so). Throws Error(kConfig) for
// another name.
Precision precision_of(const std::string& name, bool on_gpu);

// Whether the first layer of a network, as model.model names it, computes in float32 whatever the precision,
// so that its pictures must not come in half precision. False for an unknown one.
bool wants_float32_pictures(const std::string& model);

// The element type that the service writes for a network: half of the traffic where the network starts in
// half precision anyway.
Dtype ring_dtype(const std::string& model, Precision precision);

}  // namespace facetrain
