#include "trainer/run/embedding.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/io/npy.hpp"
#include "common/ipc/row_id.hpp"
#include "common/mpi/communicators.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/run/data_feed.hpp"
#include "trainer/step/precision.hpp"
#include "trainer/tools/trained_network.hpp"
#include "trainer/weights/weights.hpp"

namespace facetrain {
namespace {

struct Network {
  std::unique_ptr<Backbone> backbone;  // in eval mode, on the device
  BackboneSpec spec;
};

Network load(const Config& config, Precision precision, at::Device device) {
  const std::string& path = config.embed.model_path;
  const std::vector<NamedTensor> weights = load_state_dict(path);
  Network network;
  network.spec = spec_from_state(weights);
  check_given(network.spec, GivenNetwork{config.embed.model, config.embed.depth, config.embed.mode}, path);
  network.spec.precision = config.train.precision;
  network.backbone = make_backbone(network.spec, 0);
  load_into(*network.backbone, weights);
  network.backbone->to(device, parameter_type(precision));
  network.backbone->train(false);
  return network;
}

// The .npy being written by the first trainer, a step's rows at a time.
class FeatureFile {
 public:
  FeatureFile(const Config& config, std::uint64_t rows, std::int64_t length, bool progress)
      : files_(embedding_files(config.embed.destination)),
        model_path_(config.embed.model_path),
        rows_(rows),
        length_(length),
        progress_(progress),
        npy_(created(files_.features), "<f4", {rows, static_cast<std::uint64_t>(length)}) {}

  // features (R, E) on the CPU and ids (R), in the plan's order.
  void append(const at::Tensor& features, const at::Tensor& ids) {
    const at::Tensor rows = features.contiguous(), all_ids = ids.contiguous();
    const float* values = rows.const_data_ptr<float>();
    const std::int64_t* row_ids = all_ids.const_data_ptr<std::int64_t>();
    const auto width = static_cast<std::size_t>(length_);
    for (std::int64_t i = 0; i < rows.size(0); ++i, values += width) {
      if (row_ids[i] == kPaddingRow) continue;
      const std::span<const float> row(values, width);
      if (is_unusable_row(row_ids[i])) {
        ++unusable_;
      } else if (row_ids[i] != static_cast<std::int64_t>(written_)) {
        throw Error(ErrorKind::kInternal, "the data service sent picture " + std::to_string(row_ids[i]) +
                                              " in the place of picture " + std::to_string(written_));
      } else if (!std::all_of(row.begin(), row.end(), [](float v) { return std::isfinite(v); })) {
        throw Error(ErrorKind::kInput, model_path_ + ": the embedding of picture " +
                                           std::to_string(written_) +
                                           " is not finite; the weights are of a run that diverged, or too "
                                           "large for --precision fp16 (try fp32)");
      }
      npy_.write(std::as_bytes(row));
      ++written_;
    }
    if (progress_) std::cerr << "\r" << written_ << "/" << rows_ << std::flush;
  }

  void commit() {
    npy_.commit();
    if (progress_) std::cerr << "\r\x1b[K" << std::flush;
    std::cout << files_.features << ": " << rows_ << " x " << length_
              << " float32; the rows' names: " << files_.names << std::endl;
    if (unusable_ > 0)
      std::cerr << "trainer: " << unusable_
                << " pictures could not be used: their rows are NaN; which, and why: " << files_.unusable
                << "\n";
  }

 private:
  static std::string created(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path();
    std::error_code ignored;  // opening the file tells
    if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
    return path;
  }

  EmbeddingFiles files_;
  std::string model_path_;
  std::uint64_t rows_;
  std::int64_t length_;
  bool progress_;
  NpyWriter npy_;
  std::uint64_t written_ = 0;
  std::uint64_t unusable_ = 0;
};

// (world * n, ...) of every rank's (n, ...).
at::Tensor gathered(Communicator& trainers, const at::Tensor& own) {
  std::vector<std::int64_t> sizes = own.sizes().vec();
  sizes[0] *= trainers.size();
  at::Tensor all = at::empty(sizes, own.options());
  trainers.all_gather(all, own);
  return all;
}

}  // namespace

at::Tensor embed_batch(Backbone& backbone, const at::Tensor& images, std::span<const std::int64_t> ids,
                       bool add_flip) {
  const at::NoGradGuard no_grad;
  at::Tensor features = backbone.forward(images, DropoutKey{});
  if (add_flip) features = features + backbone.forward(images.flip({3}), DropoutKey{});
  features = features.to(at::kFloat).contiguous();
  for (std::size_t row = 0; row < ids.size(); ++row)
    if (is_unusable_row(ids[row]))
      features.select(0, static_cast<std::int64_t>(row)).fill_(std::numeric_limits<float>::quiet_NaN());
  return features;
}

at::Tensor in_plan_order(const at::Tensor& all, std::int64_t world) {
  std::vector<std::int64_t> sizes = all.sizes().vec();
  sizes[0] /= world;
  sizes.insert(sizes.begin(), world);
  return all.view(sizes).transpose(0, 1).flatten(0, 1).contiguous();
}

void run_embedding(MpiSession& mpi, const Job& job, bool progress, Vitals& vitals) {
  const Config& config = job.config;
  const at::Device device = training_device(job.topology, config.launch.gpus);
  const Precision precision = precision_of(config.train.precision, !device.is_cpu());
  // Both collective with the services, which take part once they listen.
  require_same_data(mpi, job, std::nullopt);
  const auto communicator = make_communicator(trainers_communicator(mpi, job.topology), device);
  Communicator& trainers = *communicator;
  at::set_num_threads(compute_threads(config, job.topology, device, trainers));
  const Network network = load(config, precision, device);

  RingConsumer ring = join_data_service(job, network.spec.model, precision);
  const Welcome data = ring.welcome();
  const auto input = make_input(std::move(ring), precision, device, data.steps_per_epoch);
  std::optional<FeatureFile> file;
  if (trainers.rank() == 0) file.emplace(config, data.samples, network.spec.embedding_size, progress);

  for (std::uint64_t step = 0; step < data.steps_per_epoch; ++step) {
    vitals.enter(Activity::kWaiting);
    const InputBatch batch = input->next();
    vitals.compute();
    const at::Tensor features =
        embed_batch(*network.backbone, batch.images, batch.ids, config.embed.add_flip);
    const at::Tensor ids = at::from_blob(const_cast<std::int64_t*>(batch.ids.data()),
                                         {static_cast<std::int64_t>(batch.ids.size())}, at::kLong)
                               .to(device, /*non_blocking=*/false, /*copy=*/true);
    const at::Tensor all = gathered(trainers, features), all_ids = gathered(trainers, ids);
    if (file)
      file->append(in_plan_order(all, trainers.size()).cpu(), in_plan_order(all_ids, trainers.size()).cpu());
    vitals.updated(static_cast<std::int64_t>(step) + 1);
  }
  vitals.enter(Activity::kSaving);
  if (file) file->commit();
  input->finish();
}

}  // namespace facetrain
