#include "trainer/run/training.hpp"

#include <ATen/Parallel.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "common/config/print.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/mpi/communicators.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/comm/gradient_buckets.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/head/head.hpp"
#include "trainer/head/sharded_classifier.hpp"
#include "trainer/log/log_lines.hpp"
#include "trainer/log/node_waits.hpp"
#include "trainer/log/trace.hpp"
#include "trainer/log/train_logger.hpp"
#include "trainer/optim/learning_rate.hpp"
#include "trainer/run/data_feed.hpp"
#include "trainer/step/precision.hpp"
#include "trainer/step/train_step.hpp"
#include "trainer/validation/evaluate.hpp"
#include "trainer/weights/initial_weights.hpp"
#include "trainer/weights/weights.hpp"

namespace facetrain {
namespace {

ClassifierSpec classifier_spec(const Config& config, std::int64_t classes, Precision precision,
                               at::Device device) {
  ClassifierSpec spec;
  spec.classes = classes;
  spec.embedding_size = config.model.embedding_size;
  spec.seed = static_cast<std::uint64_t>(config.run.seed);
  spec.device = device;
  spec.dtype = parameter_type(precision);
  spec.linear = linear_type(precision, device);
  spec.sample_rate = config.head.sample_rate;
  spec.dense_momentum = config.head.dense_momentum;
  return spec;
}

std::string summary(const Config& config, const Topology& topology, const Welcome& data, Precision precision,
                    at::Device device, int threads) {
  const std::int64_t accumulate = config.train.accumulate;
  std::string text = std::to_string(data.samples) + " images, " + std::to_string(data.classes) +
                     " identities; " + std::to_string(topology.trainer_world) + " trainers x batch " +
                     std::to_string(config.train.batch_size) +
                     (accumulate > 1 ? " x " + std::to_string(accumulate) + " batches a step" : "") + ", " +
                     std::to_string(data.steps_per_epoch / static_cast<std::uint64_t>(accumulate)) +
                     " steps an epoch; " + config.model.model + " in " + config.train.precision + " on " +
                     (device.is_cpu() ? std::string("the CPU (") + why_no_device() + ")" : device.str()) +
                     ", " + std::to_string(threads) + " threads a trainer";
  if (config.train.precision == "fp16" && precision != Precision::kFp16)
    text += " (fp16 needs a GPU: this CPU run computes in fp32)";
  return text;
}

// The files of a run, all below one folder, written by the first trainer alone.
struct RunFiles {
  std::string folder;
  std::string models() const { return folder + "/models"; }

  void create(const Config& config) const {
    std::error_code error;
    std::filesystem::create_directories(models(), error);
    if (error)
      throw Error(ErrorKind::kIo,
                  "cannot create " + models() + ": " + error.message() + "; choose another run.work_path");
    write_file_atomically(folder + "/config.toml", print_config(config));
  }
};

// After an epoch: all ranks validate, the first one reports and exports the model.
class EpochEnd {
 public:
  EpochEnd(const Config& config, Backbone& backbone, Communicator& trainers, TrainingLog& log,
           EventWriter* events, const Clock& clock)
      : backbone_(backbone),
        trainers_(trainers),
        log_(log),
        events_(events),
        clock_(clock),
        models_(RunFiles{run_folder(config)}.models()),
        sets_(open_validation_sets(config.validation.val_source, config.validation.val_list)) {
    options_.fusion = fusion_of(config.validation.add_flip, config.validation.add_norm);
    options_.batch = static_cast<std::size_t>(config.train.batch_size);
    options_.format = {config.data.bgr, config.data.pixel_mean, config.data.pixel_std};
  }

  // `steps`: done so far. Collective.
  void operator()(std::int64_t steps) {
    const std::int64_t step = steps + 1;  // the reference counts from 1 and names the step to come
    const ValidationResult result =
        evaluate(backbone_, trainers_, sets_, options_, [this](const std::string& text) { log_.line(text); });
    if (result.mean_accuracy > best_accuracy_) {
      best_accuracy_ = result.mean_accuracy;
      best_step_ = step;
    }
    if (trainers_.rank() != 0) return;
    if (events_ != nullptr && !sets_.empty()) {
      for (const SetAccuracy& set : result.sets) events_->scalar(set.name + " acc", set.accuracy.mean, step);
      events_->scalar("Mean acc", result.mean_accuracy, step);
    }
    const std::string path = models_ + "/" + model_file_name(clock_.now(), result.mean_accuracy, step);
    save_state_dict(path, backbone_.state());
    log_.line(best_accuracy_line(best_accuracy_, best_step_));
    log_.line("Saved " + path);
  }

 private:
  Backbone& backbone_;
  Communicator& trainers_;
  TrainingLog& log_;
  EventWriter* events_;
  const Clock& clock_;
  std::string models_;
  std::vector<ValidationSet> sets_;
  ValidationOptions options_;
  double best_accuracy_ = -1;
  std::int64_t best_step_ = 0;
};

}  // namespace

void run_training(MpiSession& mpi, const Job& job, bool progress) {
  const Config& config = job.config;
  const Topology& topology = job.topology;
  const bool leads = topology.trainer_rank == 0;
  const RunFiles files{run_folder(config)};
  const SystemClock clock;

  const at::Device device = training_device(topology, config.launch.gpus);
  const Precision precision = precision_of(config.train.precision, !device.is_cpu());
  const int threads = compute_threads(config, topology, device);
  at::set_num_threads(threads);
  // Collective with the services, which take part once they listen.
  const auto communicator = make_communicator(trainers_communicator(mpi, topology), device);
  Communicator& trainers = *communicator;

  if (leads) files.create(config);
  TrainingLog log(leads ? files.folder + "/training.log" : "", leads ? stdout : nullptr, clock,
                  leads && progress);
  std::optional<EventWriter> events;
  if (leads) events.emplace(files.folder + "/log", clock);

  const auto backbone = make_backbone(backbone_spec(config), static_cast<std::uint64_t>(config.run.seed));
  backbone->to(device, parameter_type(precision));
  if (!config.run.init_from.empty()) init_backbone(*backbone, config.run.init_from);
  backbone->train(true);
  EpochEnd end_epoch(config, *backbone, trainers, log, events ? &*events : nullptr,
                     clock);  // a missing set fails here

  RingConsumer ring = join_data_service(job, config.model.model, precision);
  const Welcome data = ring.welcome();
  const auto input = make_input(std::move(ring), precision, device,
                                data.steps_per_epoch * static_cast<std::uint64_t>(config.train.epochs));

  ShardedClassifier classifier(
      classifier_spec(config, static_cast<std::int64_t>(data.classes), precision, device), make_head(config),
      trainers);
  if (!config.run.init_head.empty()) init_centres(classifier, config.run.init_head);
  GradientBuckets buckets(trainable_parameters(*backbone), trainers, 16u << 20,
                          device.is_cpu() || precision == Precision::kFp64 ? at::kFloat : at::kHalf);
  const auto optimizer =
      make_optimizer(config, trained_parameters(*backbone, classifier), classifier.sparse_centres());
  std::optional<LossScale> loss_scale;
  if (precision == Precision::kFp16) loss_scale.emplace(device);
  TrainState state{*backbone, classifier, buckets, *optimizer, loss_scale ? &*loss_scale : nullptr, trainers};

  DropoutKey dropout;
  dropout.seed = static_cast<std::uint64_t>(config.run.seed);
  dropout.rank = static_cast<std::uint32_t>(topology.trainer_rank);
  dropout.world = static_cast<std::uint32_t>(topology.trainer_world);

  log.line(summary(config, topology, data, precision, device, threads));
  // A step of the log, the schedule and the file names is an update.
  const std::int64_t batches = config.train.accumulate;
  const RunShape shape{config.train.batch_size * topology.trainer_world * batches,
                       static_cast<std::int64_t>(data.steps_per_epoch) / batches, config.train.epochs,
                       config.run.frequency_log};
  std::optional<Trace> trace;
  if (!config.run.trace.empty()) trace.emplace(config.run.trace, trainers, device);
  std::optional<NodeWaits> waits;
  if (topology.nodes > 1) waits.emplace(topology, host_name(), trainers, device, clock);
  TrainLogger logger(shape, log, events ? &*events : nullptr, clock);
  logger.start();
  std::int64_t steps = 0;
  for (std::int64_t epoch = 0; epoch < config.train.epochs; ++epoch) {
    for (std::int64_t i = 0; i < shape.steps_per_epoch; ++i) {
      std::vector<std::int64_t> ids;
      double waited = 0;
      const auto next = [&]() -> Batch {
        const InputBatch batch = input->next();
        ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
        waited += batch.waited;
        if (waits) waits->add(batch.waited, batch.ready);
        // For proofs the pictures, normalised in float32, are widened.
        return {precision == Precision::kFp64 ? batch.images.to(at::kDouble) : batch.images, batch.labels};
      };
      dropout.step = static_cast<std::uint64_t>(steps);
      const double lr = learning_rate(config, steps, shape.steps_per_epoch);
      const StepResult result = train_step(state, next, batches, dropout, lr);
      ++steps;
      if (waits && steps % config.run.frequency_log == 0)
        for (const std::string& line : slow_node_lines(waits->gather(), config.data.slots)) log.line(line);
      if (!trace && !leads) continue;  // reading the loss waits for a GPU
      const double loss = result.loss.item<double>();
      if (trace) trace->write({steps, ids, loss, result.grad_norm.item<double>(), lr});
      if (leads) logger.step({steps, epoch, loss, lr, waited});
    }
    logger.pause();
    end_epoch(steps);
    logger.resume();
  }
  input->finish();
}

}  // namespace facetrain
