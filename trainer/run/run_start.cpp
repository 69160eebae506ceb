#include "trainer/run/run_start.hpp"

#include <cstdint>
#include <utility>

#include "common/checkpoint/compatibility.hpp"
#include "common/checkpoint/position.hpp"
#include "common/config/print.hpp"
#include "trainer/run/data_feed.hpp"

namespace facetrain {

RunStart find_start(const Job& job, const MpiComm& trainers, Precision precision,
                    const std::function<void(const std::string&)>& say) {
  const Config& config = job.config;
  PlanPosition position = first_position(config, job.topology.trainer_world, job.topology.nodes);
  std::optional<SavedRun> saved = find_saved_run(config, run_folder(config), position, trainers, say);
  if (saved) position = resumed_position(saved->manifest, position, config);

  const std::int64_t batches = config.train.accumulate;
  RingConsumer ring = join_data_service(
      job, config.model.model, precision,
      {static_cast<std::uint32_t>(position.epoch), static_cast<std::uint64_t>(position.step * batches)});
  const Welcome data = ring.welcome();
  position.steps_per_epoch = static_cast<std::int64_t>(data.steps_per_epoch) / batches;

  Manifest record;
  record.config = print_config(config);
  record.data = {static_cast<std::int64_t>(data.samples), static_cast<std::int64_t>(data.classes),
                 data.data_digest};
  if (saved) {
    require_none(data_objection(saved->manifest.data, record.data), saved->folder);
    record.best_accuracy = saved->manifest.best_accuracy;
    record.best_step = saved->manifest.best_step;
  }
  return {position, std::move(saved), std::move(ring), std::move(record)};
}

}  // namespace facetrain
