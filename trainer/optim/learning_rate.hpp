// The learning rate of an update, a pure function of the configuration.
#pragma once

#include <cstdint>

#include "common/config/config.hpp"

namespace facetrain {

// step: updates done before this one, over the whole run; steps_per_epoch: updates in an epoch (with
// train.accumulate an update spends several batches).
//
// By default train.lr, divided by 10 at the start of every epoch that train.reduce_lr lists (1-based there).
//
// train.scheduler = true: the reference's PolyScheduler (lr_scheduler.py:4), which knows no reduce_lr. Over
// the first W = warmup_epoch epochs lr * t / W', then lr * (1 - (t - W') / (T' - W'))^2 to the end of the run
// (W', T': the same in updates). As there, t lags: the first two updates both have t = 0, so that with a
// warm-up they change nothing. The reference's T' is images / global batch (rounded down) * epochs, up to one
// update an epoch less than really run; ours counts those that run.
double learning_rate(const Config& config, std::int64_t step, std::int64_t steps_per_epoch);

}  // namespace facetrain
