#include "tests/bench/training_step.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <span>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "trainer/head/head.hpp"
#include "trainer/step/precision.hpp"
#include "trainer/weights/weights.hpp"

namespace facetrain::bench {
namespace {

Precision precision_on(const Config& config, at::Device device) {
  return precision_of(config.train.precision, !device.is_cpu());
}

std::unique_ptr<Backbone> network_of(const Config& config, at::Device device) {
  auto backbone = make_backbone(backbone_spec(config), static_cast<std::uint64_t>(config.run.seed));
  backbone->to(device, parameter_type(precision_on(config, device)));
  backbone->train(true);
  return backbone;
}

// Pictures as the ring gives them: channels last, in its number type; labels on the CPU.
Batch batch_of(const Config& config, std::int64_t classes, at::Device device, int rank) {
  at::Generator generator = at::detail::createCPUGenerator(1000 + static_cast<std::uint64_t>(rank));
  const at::Tensor images = at::rand({config.train.batch_size, 3, 112, 112}, generator).mul_(2).sub_(1);
  const Dtype dtype = ring_dtype(config.model.model, precision_on(config, device));
  const at::ScalarType type = dtype == Dtype::kF16   ? at::kHalf
                              : dtype == Dtype::kF32 ? at::kFloat
                                                     : at::kBFloat16;
  return {images.contiguous(at::MemoryFormat::ChannelsLast).to(at::TensorOptions(device).dtype(type)),
          at::randint(classes, {config.train.batch_size}, generator, at::kLong)};
}

}  // namespace

Config step_config(const std::string& network, std::int64_t batch, const std::string& precision) {
  Config config;
  config.train.batch_size = batch;
  config.train.precision = precision;
  config.train.lr = 0.01;
  config.head.margin = {0.5};
  config.model.dropout = 0;
  if (network == "mbf") {
    config.model.model = "mobilefacenet";
  } else if (network.starts_with("r")) {
    const bool se = network.ends_with("se");
    config.model.depth = network.substr(1, network.size() - (se ? 3 : 1));
    config.model.mode = se ? "se" : "normal";
  } else {
    throw Error(ErrorKind::kConfig, "no network " + network + "; expected mbf, r18, r50se, ...");
  }
  return config;
}

ClassifierSpec classifier_of(const Config& config, std::int64_t classes, at::Device device) {
  const Precision precision = precision_on(config, device);
  ClassifierSpec spec;
  spec.classes = classes;
  spec.embedding_size = config.model.embedding_size;
  spec.device = device;
  spec.dtype = parameter_type(precision);
  spec.linear = linear_type(precision, device);
  return spec;
}

void write_tensor(const std::string& path, const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  CheckedFile file(path);
  file.write({static_cast<const std::byte*>(whole.const_data_ptr()), whole.nbytes()});
  file.commit_unsynced();
}

TrainingStep::TrainingStep(const Config& config, std::int64_t classes, Communicator& trainers,
                           at::Device device)
    : backbone_(network_of(config, device)),
      classifier_(classifier_of(config, classes, device), make_head(config), trainers),
      buckets_(trainable_parameters(*backbone_), trainers, 16u << 20,
               wire_type(precision_on(config, device), device), weight_decays(*backbone_)),
      optimizer_(
          make_optimizer(config, trained_parameters(*backbone_, classifier_), nullptr, buckets_.buckets())),
      loss_scale_(precision_on(config, device) == Precision::kFp16
                      ? std::optional<LossScale>(std::in_place, device)
                      : std::nullopt),
      state_{*backbone_, classifier_, buckets_, *optimizer_, loss_scale_ ? &*loss_scale_ : nullptr, trainers},
      batch_(batch_of(config, classes, device, trainers.rank())),
      lr_(config.train.lr) {
  dropout_.rank = static_cast<std::uint32_t>(trainers.rank());
  dropout_.world = static_cast<std::uint32_t>(trainers.size());
}

void TrainingStep::save(const std::string& folder) {
  save_state_dict(folder + "/W.pth", backbone_->state());
  save_state_dict(folder + "/head.pth", {{"weight", classifier_.weight().detach()}});
  write_tensor(folder + "/images.f32", batch_.images.to(at::kCPU, at::kFloat));
  write_tensor(folder + "/labels.i64", batch_.labels);
}

}  // namespace facetrain::bench
