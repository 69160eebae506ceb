#include "common/plan/sample_plan.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/plan/chunked_plan.hpp"

namespace facetrain {

std::vector<std::uint32_t> torch_randperm(std::uint32_t n, std::uint64_t seed) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::mt19937 engine(static_cast<std::uint32_t>(seed));
  const bool wide = n >= 0xFFFFFFFFu / 20;  // torch switches to 64-bit draws to keep the modulo's bias small
  for (std::uint32_t i = 0; i + 1 < n; ++i) {
    std::uint64_t draw = engine();
    if (wide) draw = draw << 32 | engine();
    std::swap(order[i], order[i + draw % (n - i)]);
  }
  return order;
}

PlanShape plan_shape(const Config& config, std::uint32_t samples, std::uint32_t world, std::uint32_t nodes) {
  if (config.data.fixed_size > static_cast<std::int64_t>(samples))
    throw Error(ErrorKind::kConfig, "data.fixed_size is " + std::to_string(config.data.fixed_size) +
                                        ", but there are only " + std::to_string(samples) +
                                        " training pictures" +
                                        (config.data.mask.empty() ? "" : " (that data.mask keeps)"));
  PlanShape shape;
  shape.samples = samples;
  shape.world = world;
  shape.batch = static_cast<std::uint32_t>(config.train.batch_size);
  shape.accumulate = static_cast<std::uint32_t>(config.train.accumulate);
  shape.fixed_size = static_cast<std::uint32_t>(config.data.fixed_size);
  shape.redraw = config.data.fixed_size_redraw;
  shape.nodes = nodes;
  // More than the data set has is all of it.
  shape.shard = static_cast<std::uint32_t>(std::min<std::int64_t>(config.data.shard, samples));
  shape.window = static_cast<std::uint32_t>(std::min<std::int64_t>(config.data.window, samples));
  if (config.data.order == "chunked") shape.strategy = Strategy::kChunked;
  if (is_embedding(config)) shape.strategy = Strategy::kSequential;
  if (shape.steps_per_epoch() == 0) {
    throw Error(ErrorKind::kConfig,
                "an epoch has " + std::to_string(shape.samples_per_epoch()) +
                    " pictures, fewer than one step of " + std::to_string(world) +
                    " trainers x train.batch_size " + std::to_string(shape.batch) +
                    (shape.accumulate > 1 ? " x train.accumulate " + std::to_string(shape.accumulate) : "") +
                    ": lower train.batch_size or use more data");
  }
  return shape;
}

std::vector<std::uint32_t> epoch_order(const PlanShape& shape, std::uint32_t epoch) {
  switch (shape.strategy) {
    case Strategy::kExact:
      return torch_randperm(shape.ordered_samples(), shape.seed + epoch);
    case Strategy::kChunked:
      return chunked_order(shape, epoch);
    case Strategy::kSequential: {
      std::vector<std::uint32_t> order(shape.samples);
      std::iota(order.begin(), order.end(), 0u);
      return order;
    }
  }
  throw Error(ErrorKind::kInternal, "an unknown strategy of the sample plan");
}

}  // namespace facetrain
