#include "common/check/training_memory.hpp"

#include <algorithm>
#include <cstdio>

#include "common/check/host_memory.hpp"
#include "common/formatted.hpp"

namespace facetrain {

TrainingMemory training_memory(const Config& config, const NetworkSize& size, std::uint64_t classes,
                               int ranks) {
  const bool is_half = config.train.precision == "fp16" || config.train.precision == "bf16";
  const double number = is_half ? 2 : config.train.precision == "fp64" ? 8 : 4;
  const double copies = 2 + (config.train.optimizer == "adamw" ? 2 : 1);  // weight, gradient, states
  const double weight = config.train.precision == "fp64" ? 8 : 4;
  const double batch = static_cast<double>(config.train.batch_size);
  const auto parts = static_cast<std::uint64_t>(ranks);
  const std::uint64_t largest_shard = (classes + parts - 1) / parts;
  const auto share = static_cast<double>(largest_shard);
  const auto parameters = static_cast<double>(size.parameters);
  TrainingMemory memory;
  memory.parameters = parameters * weight * copies + (is_half ? parameters * 2 : 0);
  memory.activations = batch * static_cast<double>(size.kept_numbers) * number;
  memory.head = share * static_cast<double>(config.model.embedding_size) * weight * copies +
                batch * ranks * share * config.head.sample_rate * weight * 3;
  return memory;
}

Findings gpu_memory_findings(const TrainingMemory& memory, const std::optional<double>& gpu_bytes) {
  const std::string where = "about " + gib_text(memory.total()) + " a GPU";
  const std::string parts = "parameters " + gib_text(memory.parameters) + ", activations " +
                            gib_text(memory.activations) + ", head " + gib_text(memory.head) +
                            " (without CUDA's and cuDNN's own)";
  if (!gpu_bytes)
    return {note("GPU memory", where, parts + "; no GPU is known here, --gpu-memory GIB names one")};
  const std::string has = parts + ", the GPU has " + gib_text(*gpu_bytes);
  const std::string advice = "; lower train.batch_size (with train.accumulate), or set model.checkpoint";
  if (memory.total() > *gpu_bytes) return {refused(ErrorKind::kConfig, "GPU memory", where, has + advice)};
  if (memory.total() > 0.8 * *gpu_bytes) return {warning("GPU memory", where, has + advice)};
  return {ok("GPU memory", where, has)};
}

std::optional<double> smallest_gpu_bytes() {
  std::FILE* pipe =
      ::popen("nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits 2>/dev/null", "r");
  if (pipe == nullptr) return {};
  std::optional<double> smallest;
  double mib = 0;
  while (std::fscanf(pipe, "%lf", &mib) == 1) smallest = std::min(smallest.value_or(mib), mib);
  if (::pclose(pipe) != 0 || !smallest) return {};
  return *smallest * 1024 * 1024;
}

}  // namespace facetrain
