// The learning rate of an epoch, a pure function of the configuration.
#pragma once

#include <cstdint>

#include "common/config/config.hpp"

namespace facetrain {

// train.lr, divided by 10 at the start of every epoch that train.reduce_lr lists (1-based there; epoch is
// 0-based). Throws Error(kConfig) for train.scheduler = true, which this version does not have.
double learning_rate(const Config& config, std::int64_t epoch);

}  // namespace facetrain
