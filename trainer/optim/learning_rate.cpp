#include "trainer/optim/learning_rate.hpp"

#include <set>

#include "common/error.hpp"

namespace facetrain {

double learning_rate(const Config& config, std::int64_t epoch) {
  if (config.train.scheduler)
    throw Error(
        ErrorKind::kConfig,
        "train.scheduler: the polynomial schedule is not available; set it to false and use train.reduce_lr");
  const std::set<std::int64_t> reductions(config.train.reduce_lr.begin(), config.train.reduce_lr.end());
  double lr = config.train.lr;
  for (const std::int64_t at : reductions)
    if (at <= epoch + 1) lr /= 10;
  return lr;
}

}  // namespace facetrain
