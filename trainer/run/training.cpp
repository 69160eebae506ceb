#include "trainer/run/training.hpp"

#include <ATen/Parallel.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "common/checkpoint/folders.hpp"
#include "common/checkpoint/position.hpp"
#include "common/error.hpp"
#include "common/host_name.hpp"
#include "common/inject.hpp"
#include "common/mpi/communicators.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/checkpoint/checkpoints.hpp"
#include "trainer/checkpoint/training_state.hpp"
#include "trainer/checkpoint/writer.hpp"
#include "trainer/comm/gradient_buckets.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/cuda/scalar_copy.hpp"
#include "trainer/head/head.hpp"
#include "trainer/head/sharded_classifier.hpp"
#include "trainer/log/log_lines.hpp"
#include "trainer/log/node_waits.hpp"
#include "trainer/log/step_queue.hpp"
#include "trainer/log/trace.hpp"
#include "trainer/log/train_logger.hpp"
#include "trainer/optim/learning_rate.hpp"
#include "trainer/run/data_feed.hpp"
#include "trainer/run/epoch_end.hpp"
#include "trainer/run/profile_run.hpp"
#include "trainer/run/run_files.hpp"
#include "trainer/run/run_start.hpp"
#include "trainer/run/skipped_updates.hpp"
#include "trainer/step/precision.hpp"
#include "trainer/step/train_step.hpp"
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

std::string summary(const Config& config, const Topology& topology, const Welcome& data, at::Device device,
                    int threads) {
  const std::int64_t accumulate = config.train.accumulate;
  std::string text = std::to_string(data.samples) + " images, " + std::to_string(data.classes) +
                     " identities; " + std::to_string(topology.trainer_world) + " trainers x batch " +
                     std::to_string(config.train.batch_size) +
                     (accumulate > 1 ? " x " + std::to_string(accumulate) + " batches a step" : "") + ", " +
                     std::to_string(data.steps_per_epoch / static_cast<std::uint64_t>(accumulate)) +
                     " steps an epoch; " + config.model.model + " in " + config.train.precision + " on " +
                     (device.is_cpu() ? std::string("the CPU (") + why_no_device() + ")" : device.str()) +
                     ", " + std::to_string(threads) + " threads a trainer";
  return text + precision_note(config.train.precision, device);
}

PendingNumber pending_number(const at::Tensor& scalar) {
  const ScalarCopy copy(scalar);
  return {[copy] { return copy.arrived(); }, [copy] { return copy.value(); }};
}

// The batch's pictures with what debug.inject does to them.
at::Tensor disturbed(const at::Tensor& images, Fault fault) {
  if (fault == Fault::kStop) std::raise(SIGSTOP);
  if (fault == Fault::kSlow) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  if (fault != Fault::kNan) return images;
  at::Tensor changed = images.clone();
  changed[0].fill_(std::numeric_limits<double>::quiet_NaN());
  return changed;
}

}  // namespace

RunEnd run_training(MpiSession& mpi, const Job& job, bool progress, StopSignal& stop, Vitals& vitals) {
  const Config& config = job.config;
  const Topology& topology = job.topology;
  const bool leads = topology.trainer_rank == 0;
  const RunFiles files{run_folder(config)};
  const std::int64_t batches = config.train.accumulate;
  const SystemClock clock;
  const StorageRule storage = storage_rule(mpi, config);

  const at::Device device = training_device(topology, config.launch.gpus);
  const Precision precision = precision_of(config.train.precision, !device.is_cpu());
  use_tf32(config.train.tf32, device);
  // Both collective with the services, which take part once they listen.
  require_same_data(mpi, job, std::nullopt);
  MpiComm members = trainers_communicator(mpi, topology);
  MpiComm for_files = duplicate(members), for_requests = duplicate(members);

  if (leads) files.create();
  TrainingLog log(leads ? files.folder + "/training.log" : "", leads ? stdout : nullptr, clock,
                  leads && progress);
  const auto say = [&log](const std::string& text) { log.line(text); };
  RunStart start = find_start(job, members, precision, say);
  std::optional<SavedRun>& saved = start.saved;
  PlanPosition& position = start.position;
  Manifest& record = start.record;
  const Welcome data = start.ring.welcome();
  if (saved && is_finished(position, config)) {
    log.line(finished_text(files.folder, position));
    start.ring.goodbye();
    return RunEnd::kFinished;
  }
  if (leads) {
    files.remove_temporaries();
    files.write_config(config);
  }

  const auto communicator = make_communicator(std::move(members), device);
  const int threads = compute_threads(config, topology, device, *communicator);
  at::set_num_threads(threads);
  const auto profile = config.run.profile > 0
                           ? std::make_unique<ProfiledRun>(config, *communicator, device, precision)
                           : nullptr;
  Communicator& trainers = profile ? profile->trainers() : *communicator;
  std::optional<EventWriter> events;
  if (leads) events.emplace(files.folder + "/log", clock);

  const auto backbone = make_backbone(backbone_spec(config), static_cast<std::uint64_t>(config.run.seed));
  backbone->to(device, parameter_type(precision));
  if (!saved && !config.run.init_from.empty()) init_backbone(*backbone, config.run.init_from);
  backbone->train(true);
  EpochEnd end_epoch(config, files.models(), *backbone, trainers, log, events ? &*events : nullptr, clock,
                     storage);  // a missing set fails here

  const std::int64_t left = (config.train.epochs - position.epoch) * position.steps_per_epoch - position.step;
  const RunShape shape{position.global_batch, position.steps_per_epoch, config.train.epochs,
                       config.run.frequency_log, position.updates + left};
  require_steps_for_profile(config, left);
  const auto input =
      make_input(std::move(start.ring), precision, device, static_cast<std::uint64_t>(left * batches));

  ShardedClassifier classifier(
      classifier_spec(config, static_cast<std::int64_t>(data.classes), precision, device), make_head(config),
      trainers);
  if (!saved && !config.run.init_head.empty()) init_centres(classifier, config.run.init_head);
  GradientBuckets buckets(trainable_parameters(*backbone), trainers, 16u << 20, wire_type(precision, device),
                          weight_decays(*backbone));
  const auto optimizer = make_optimizer(config, trained_parameters(*backbone, classifier),
                                        classifier.sparse_centres(), buckets.buckets());
  const Injection injection = parse_injection(config.debug.inject);
  std::optional<LossScale> loss_scale;
  if (precision == Precision::kFp16 || injection.fault == Fault::kOverflow) loss_scale.emplace(device);
  if (injection.fault == Fault::kOverflow)
    trainable_parameters(*backbone).front().register_hook([&](const at::Tensor& gradient) {
      const Fault fault = injection.at(topology.world_rank, position.updates + 1);
      return fault == Fault::kOverflow ? gradient.mul(std::numeric_limits<double>::infinity()) : gradient;
    });
  TrainState state{*backbone, classifier, buckets, *optimizer, loss_scale ? &*loss_scale : nullptr, trainers};
  if (profile) state.profile = &profile->steps();

  CheckpointWriter writer(checkpoints_folder(files.folder), job.nonce, config.checkpoint.keep,
                          std::move(for_files), storage,
                          [injection, rank = topology.world_rank](std::int64_t updates) {
                            while (injection.at(rank, updates) == Fault::kStall)
                              std::this_thread::sleep_for(std::chrono::hours(1));
                          });
  std::optional<SkippedUpdates> skipped;  // once the state is restored
  Checkpoints checkpoints(writer, std::move(for_requests), {config.checkpoint.minutes * 60, clock, stop}, say,
                          [&] {
                            vitals.enter(Activity::kSaving);
                            skipped->drain();
                          });
  log.line(summary(config, topology, data, device, threads));
  if (saved) {
    restore(training_state(state), saved->tensors);
    checkpoints.resumed(position.updates);
    end_epoch.resumed(saved->manifest.best_accuracy, saved->manifest.best_step);
    log.line(resumed_text(saved->folder, saved->manifest.position, position, config));
    saved->tensors.clear();
  }

  DropoutKey dropout;
  dropout.seed = static_cast<std::uint64_t>(config.run.seed);
  dropout.rank = static_cast<std::uint32_t>(topology.trainer_rank);
  dropout.world = static_cast<std::uint32_t>(topology.trainer_world);

  // A step of the log, the schedule and the file names is an update.
  std::optional<Trace> trace;
  if (!config.run.trace.empty()) trace.emplace(config.run.trace, trainers, device, position.updates);
  std::optional<NodeWaits> waits;
  if (topology.nodes > 1) waits.emplace(topology, host_name(), trainers, device, clock);
  TrainLogger logger(shape, log, events ? &*events : nullptr, clock);
  // A device is given a few updates ahead; a CPU has done its own.
  skipped.emplace(SkippedUpdates::Rule{files.folder + "/nonfinite.jsonl", config.train.nonfinite_steps,
                                       device.is_cpu() ? std::size_t{0} : std::size_t{4}},
                  *backbone, state.loss_scale, trainers, device, say);
  StepQueue log_queue([&logger](const StepDone& done) { logger.step(done); });
  logger.start(position.updates);
  const auto stopped = [&] {
    log_queue.flush();
    log.line(stopped_text(files.folder, position));
    input->finish();
    return RunEnd::kCheckpointed;
  };
  for (; position.epoch < config.train.epochs; ++position.epoch, position.step = 0) {
    const double epoch_began = clock.seconds();
    while (position.step < shape.steps_per_epoch) {
      std::vector<std::int64_t> ids;
      double waited = 0;
      const auto next = [&]() -> Batch {
        vitals.enter(Activity::kWaiting);
        const InputBatch batch = input->next();
        vitals.compute();
        ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
        waited += batch.waited;
        if (waits) waits->add(batch.waited, batch.ready);
        // For proofs the pictures, normalised in float32, are widened.
        const at::Tensor images = precision == Precision::kFp64 ? batch.images.to(at::kDouble) : batch.images;
        return {disturbed(images, injection.at(topology.world_rank, position.updates + 1)), batch.labels};
      };
      dropout.step = static_cast<std::uint64_t>(position.updates);
      const double lr = learning_rate(config, position.epoch * shape.steps_per_epoch + position.step,
                                      shape.steps_per_epoch);
      if (profile) profile->steps().begin_step();
      const StepResult result = train_step(state, next, batches, dropout, lr);
      ++position.updates;
      ++position.step;
      skipped->after({position.updates, ids, 0, 0, lr}, result);
      vitals.updated(position.updates);
      if (profile && profile->steps().end_step() && leads) profile->report(log);
      if (trace)  // which waits for the device
        trace->write(
            {position.updates, ids, result.loss.item<double>(), result.grad_norm.item<double>(), lr});
      if (leads)
        log_queue.push({position.updates, position.epoch, 0, lr, waited}, pending_number(result.loss));
      if (waits && position.updates % config.run.frequency_log == 0)
        for (const std::string& line : slow_node_lines(waits->gather(), config.data.slots)) log.line(line);
      if (position.step == shape.steps_per_epoch) break;  // the checkpoint comes after the validation
      record.position = position;
      record.accuracy = -1;
      if (checkpoints.after_update(record, state)) return stopped();
    }
    log_queue.flush();
    skipped->drain();
    logger.pause();
    vitals.enter(Activity::kValidating);
    const bool is_last = position.epoch + 1 == config.train.epochs;
    end_epoch(position.updates, epoch_began, is_last, record);
    record.position = position;
    ++record.position.epoch;
    record.position.step = 0;
    if (checkpoints.after_epoch(record, state) && !is_last) return stopped();
    logger.resume();
  }
  checkpoints.complete();
  input->finish();
  return RunEnd::kFinished;
}

}  // namespace facetrain
