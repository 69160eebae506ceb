#include "common/checkpoint/position.hpp"

#include <algorithm>

#include "common/checkpoint/folders.hpp"
#include "common/plan/sample_plan.hpp"

namespace facetrain {

PlanPosition first_position(const Config& config, int world, int nodes) {
  PlanPosition position;
  position.world = world;
  position.nodes = nodes;
  position.global_batch = config.train.batch_size * world * config.train.accumulate;
  return position;
}

PlanPosition resumed_position(const PlanPosition& saved, const PlanPosition& now) {
  PlanPosition position = now;
  position.updates = saved.updates;
  position.epoch = saved.epoch;
  position.step = saved.global_batch == now.global_batch ? saved.step
                                                         : saved.step * saved.global_batch / now.global_batch;
  // Another world rounds an epoch otherwise; its last update then ends it.
  position.step = std::min(position.step, now.steps_per_epoch - 1);
  return position;
}

PlanPosition resumed_position(const Manifest& saved, const PlanPosition& first, const Config& config) {
  const PlanShape shape =
      plan_shape(config, static_cast<std::uint32_t>(saved.data.samples),
                 static_cast<std::uint32_t>(first.world), static_cast<std::uint32_t>(first.nodes));
  PlanPosition now = first;
  now.steps_per_epoch = static_cast<std::int64_t>(shape.steps_per_epoch()) / config.train.accumulate;
  return resumed_position(saved.position, now);
}

bool is_finished(const PlanPosition& position, const Config& config) {
  return position.epoch >= config.train.epochs;
}

std::string finished_text(const std::string& run_folder, const PlanPosition& position) {
  return "The run in " + run_folder + " is finished: " + std::to_string(position.epoch) + " epochs, " +
         std::to_string(position.updates) + " steps; --fresh starts a new one, a larger train.epochs goes on";
}

std::string resumed_text(const std::string& checkpoint_folder, const PlanPosition& saved,
                         const PlanPosition& position, const Config& config) {
  std::string text = "Going on from " + checkpoint_folder + ": epoch " + std::to_string(position.epoch + 1) +
                     " of " + std::to_string(config.train.epochs) + ", " + std::to_string(position.step) +
                     " of its " + std::to_string(position.steps_per_epoch) + " steps done";
  if (saved.world != position.world)
    text += "; written by " + std::to_string(saved.world) + " trainers, now there are " +
            std::to_string(position.world) +
            ": the classes are divided anew, BatchNorm's statistics are the first trainer's";
  return text;
}

std::string stopped_text(const std::string& run_folder, const PlanPosition& position) {
  return "Stopped as asked after step " + std::to_string(position.updates) +
         "; the same command goes on from " + checkpoints_folder(run_folder) + "/" +
         checkpoint_name(position.updates);
}

}  // namespace facetrain
