#include "common/scaling/scaling_command.hpp"

#include <array>
#include <ostream>

#include "common/check/host_memory.hpp"
#include "common/check/network_size.hpp"
#include "common/check/training_memory.hpp"
#include "common/cli/flags.hpp"
#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/number.hpp"
#include "common/scaling/scaling_model.hpp"

namespace facetrain {
namespace {

constexpr std::array<int, 7> kGpus{1, 2, 4, 8, 16, 32, 64};
constexpr std::array<std::int64_t, 4> kClasses{10'000, 100'000, 1'000'000, 10'000'000};

std::vector<FlagSpec> scaling_flags() {
  return {
      {{"CONFIG"}, "", "configuration (TOML): network, batch, precision, sample_rate", true},
      {{"--gpu-rate"}, "IMG/S", "steps of the network alone on one GPU, as measured (train --profile)", true},
      {{"--head-tflops"}, "T", "reached in the head's products (default 300)"},
      {{"--memory-gbs"}, "GB/S", "memory of a GPU (default 3000)"},
      {{"--bus-gbs"}, "GB/S", "all-reduce bus bandwidth in a node, nccl-tests' busbw (default 200)"},
      {{"--network-gbs"}, "GB/S", "the same between nodes, for one GPU (default 20)"},
      {{"--latency-us"}, "US", "of a small collective, for each doubling of the GPUs (default 10)"},
      {{"--decode-rate"}, "IMG/S", "of one core of the data service (default 8000)"},
      {{"--cores"}, "N", "cores of a node for its data service (default 16)"},
      {{"--node-gpus"}, "N", "GPUs of a node (default 8)"},
      {{"--images"}, "N", "pictures of an epoch, for the share of validation (default 5000000)"},
      {{"--pairs"}, "N", "validation pairs (default 19000: lfw, cfp_fp, agedb_30)"},
      {{"--classes"}, "N ...", "identities to list (default 10000 100000 1000000 10000000)"},
  };
}

MachineRates rates_of(const Flags& flags, const NetworkSize& size) {
  const double most = 1e9;
  MachineRates machine;
  machine.network_flops =
      flags.real("--gpu-rate", 0, 0.01, most) * 3 * 2 * static_cast<double>(size.multiply_adds);
  machine.head_flops = flags.real("--head-tflops", 300, 1e-3, most) * 1e12;
  machine.memory_bytes = flags.real("--memory-gbs", 3000, 1e-3, most) * 1e9;
  machine.node_bus_bytes = flags.real("--bus-gbs", 200, 1e-3, most) * 1e9;
  machine.network_bus_bytes = flags.real("--network-gbs", 20, 1e-3, most) * 1e9;
  machine.collective_latency = flags.real("--latency-us", 10, 0, most) * 1e-6;
  machine.decode_images = flags.real("--decode-rate", 8000, 0.01, most);
  machine.decode_cores = static_cast<int>(flags.integer("--cores", 16, 1, 100'000));
  machine.node_gpus = static_cast<int>(flags.integer("--node-gpus", 8, 1, 1024));
  return machine;
}

std::int64_t class_count(const std::string& word) {
  const auto classes = parse_number<std::int64_t>(word);
  if (!classes || *classes < 1)
    throw Error(ErrorKind::kConfig, "--classes takes whole numbers from 1, not " + word);
  return *classes;
}

std::string row_text(std::int64_t classes, int gpus, const StepTime& time, double rate, double one,
                     double gpu_bytes) {
  return formatted("%10lld %5d %10.0f %5.0f%% %8.2f %8.2f %8.2f %8.2f  %-8s %s\n",
                   static_cast<long long>(classes), gpus, rate, 100 * rate / (one * gpus),
                   1e3 * time.backbone, 1e3 * time.head, 1e3 * (time.exposed_exchange + time.head_exchange),
                   1e3 * time.data, std::string(time.bound()).c_str(), gib_text(gpu_bytes).c_str());
}

}  // namespace

void scaling_command(std::span<const std::string> words, std::ostream& out) {
  const std::vector<FlagSpec> specs = scaling_flags();
  for (const std::string& word : words) {
    if (word != "--help" && word != "-h") continue;
    out << "facetrain scale: images per second on 1 to 64 GPUs, by a model of the step "
           "(common/scaling/scaling_model.hpp)\n"
        << describe_flags(specs);
    return;
  }
  const Flags flags = parse_flags("scale", specs, words);
  const Config config = load_config(flags.text("CONFIG"), {});
  const auto size = network_size(config);
  if (!size)
    throw Error(ErrorKind::kConfig, "the cost of " + config.model.model +
                                        " is not known; give an iresnet, a vit or a mobilefacenet");
  const MachineRates machine = rates_of(flags, *size);
  const NetworkCost network{static_cast<double>(size->parameters),
                            2 * static_cast<double>(size->multiply_adds)};
  std::vector<std::int64_t> classes(kClasses.begin(), kClasses.end());
  if (flags.has("--classes")) {
    classes.clear();
    for (const std::string& word : flags.texts("--classes")) classes.push_back(class_count(word));
  }
  out << "identities  GPUs      img/s  eff.  network     head exchange     data  bound by memory of a GPU\n"
         "                                    (milliseconds of a step)\n";
  for (const std::int64_t count : classes) {
    double one = 0;
    for (const int gpus : kGpus) {
      JobSize job;
      job.gpus = gpus;
      job.batch = config.train.batch_size;
      job.classes = count;
      job.embedding_size = config.model.embedding_size;
      job.sample_rate = config.head.sample_rate;
      job.bytes_per_gradient = config.train.precision == "fp16" ? 2 : 4;
      const StepTime time = step_time(machine, network, job);
      const double rate = images_per_second(time, job);
      if (gpus == 1) one = rate;
      out << row_text(count, gpus, time, rate, one,
                      training_memory(config, *size, static_cast<std::uint64_t>(count), gpus).total());
    }
  }
  const double pairs = flags.real("--pairs", 19'000, 0, 1e9), images = flags.real("--images", 5e6, 1, 1e12);
  out << formatted(
      "Validating %.0f pairs after %.0f pictures, on all GPUs: %.2f %% of an epoch\n", pairs, images,
      100 *
          validation_share(pairs, config.validation.add_flip || config.validation.add_norm ? 2 : 1, images));
}

}  // namespace facetrain
