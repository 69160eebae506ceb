#include "common/scaling/paper_plan.hpp"

#include <algorithm>
#include <ctime>
#include <vector>

#include "common/plan/chunked_plan.hpp"
#include "common/plan/class_shard.hpp"
#include "common/plan/sample_plan.hpp"

namespace facetrain {
namespace {

PlanShape shape_of(const Config& config, std::uint32_t images, const PaperCluster& cluster) {
  return plan_shape(config, images, static_cast<std::uint32_t>(cluster.gpus()),
                    static_cast<std::uint32_t>(cluster.nodes));
}

}  // namespace

PaperOrder paper_order(const Config& config, std::uint32_t images, const PaperCluster& cluster) {
  const PlanShape shape = shape_of(config, images, cluster);
  PaperOrder paper;
  const std::clock_t begin = std::clock();
  const EpochOrder order(shape, 0);
  paper.seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  paper.steps = shape.steps_per_epoch();
  paper.service_bytes = std::uint64_t{images} * sizeof(std::uint32_t);
  std::vector<bool> taken(images);
  std::uint64_t different = 0;
  const std::uint64_t places =
      paper.steps * shape.batch * shape.world;  // a step takes the next block of them
  for (std::uint64_t place = 0; place < places; ++place) {
    const std::uint32_t sample = order.sample_at(place);
    if (!taken[sample]) ++different;
    taken[sample] = true;
  }
  paper.repeated = places - different;
  paper.left_out = images - different;
  return paper;
}

PaperStaging paper_staging(const Config& config, std::uint32_t images, double image_bytes,
                           const PaperCluster& cluster) {
  Config chunked = config;
  chunked.data.order = "chunked";
  const PlanShape shape = shape_of(chunked, images, cluster);
  PaperStaging paper;
  paper.pack_bytes = image_bytes * images;
  paper.fits = paper.pack_bytes <= cluster.disk_bytes;
  const std::vector<std::uint32_t> shards = shuffled_shards(shape, 0);
  for (std::uint32_t node = 0; node < shape.nodes; ++node) {
    const SampleRange share = node_share(shape, node);
    paper.epoch_bytes = std::max(paper.epoch_bytes, image_bytes * static_cast<double>(share.count));
    paper.reads = std::max<std::uint64_t>(paper.reads, samples_at(shape, shards, share).size());
    paper.window_bytes = std::max(
        paper.window_bytes,
        image_bytes * static_cast<double>(std::min<std::uint64_t>(share.count, 2ull * shape.window)));
  }
  return paper;
}

PaperHead paper_head(const Config& config, const NetworkSize& size, std::int64_t classes,
                     const PaperCluster& cluster) {
  PaperHead paper;
  paper.fewest = classes;
  for (int rank = 0; rank < cluster.gpus(); ++rank) {
    const std::int64_t count = class_shard(classes, rank, cluster.gpus()).count;
    paper.fewest = std::min(paper.fewest, count);
    paper.most = std::max(paper.most, count);
  }
  // The estimate divides evenly: give it the classes that make the fullest GPU's share.
  paper.memory =
      training_memory(config, size, static_cast<std::uint64_t>(paper.most * cluster.gpus()), cluster.gpus());
  return paper;
}

}  // namespace facetrain
