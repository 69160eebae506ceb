#include "trainer/optim/learning_rate.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace facetrain {
namespace {

constexpr double kPower = 2;

double stepwise(const Config& config, std::int64_t epoch) {
  const std::set<std::int64_t> reductions(config.train.reduce_lr.begin(), config.train.reduce_lr.end());
  double lr = config.train.lr;
  for (const std::int64_t at : reductions)
    if (at <= epoch + 1) lr /= 10;
  return lr;
}

double polynomial(const Config& config, std::int64_t step, std::int64_t steps_per_epoch) {
  const auto warmup = static_cast<double>(steps_per_epoch * config.train.warmup_epoch);
  const auto total = static_cast<double>(steps_per_epoch * config.train.epochs);
  const auto t = static_cast<double>(std::max<std::int64_t>(step - 1, 0));
  if (t < warmup) return config.train.lr * (t / warmup);
  return config.train.lr * std::pow(1 - (t - warmup) / (total - warmup), kPower);
}

}  // namespace

double learning_rate(const Config& config, std::int64_t step, std::int64_t steps_per_epoch) {
  return config.train.scheduler ? polynomial(config, step, steps_per_epoch)
                                : stepwise(config, step / steps_per_epoch);
}

}  // namespace facetrain
