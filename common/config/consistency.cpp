#include "common/config/consistency.hpp"

#include <algorithm>
#include <set>

#include "common/config/job_kind.hpp"
#include "common/error.hpp"
#include "common/inject.hpp"

namespace facetrain {
namespace {

void refuse_partial_fc_combinations(const Config& config, std::vector<ConfigProblem>& problems) {
  if (config.head.sample_rate >= 1) return;
  if (config.head.sample_rate == 0)
    problems.push_back({"head.sample_rate", "0 would sample no negative class; use a share above 0, as 0.1"});
  if (config.train.optimizer != "sgd")
    problems.push_back({"head.sample_rate",
                        "below 1 (partial FC) works with train.optimizer = \"sgd\" only; use it, or set "
                        "head.sample_rate = 1"});
  if (config.head.head == "circleloss")
    problems.push_back(
        {"head.sample_rate",
         "below 1 (partial FC) samples class centres, and head.head = \"circleloss\" has none; "
         "set head.sample_rate = 1"});
  if (config.train.accumulate > 1)
    problems.push_back({"head.sample_rate",
                        "below 1 (partial FC) draws classes for each update and does not work with "
                        "train.accumulate > 1; set one of the two to 1"});
}

// An embedding job shows every picture once, as it is.
void refuse_changed_pictures(const Config& config, std::vector<ConfigProblem>& problems) {
  const auto refuse = [&](bool used, const char* key, const char* remedy) {
    if (used)
      problems.push_back({key, std::string("an embedding job (embed.model_path) takes every picture once and "
                                           "as it is; ") +
                                   remedy});
  };
  refuse(config.data.augment, "data.augment", "set it to false");
  refuse(config.data.rand_erase, "data.rand_erase", "set it to false");
  refuse(config.data.flip, "data.flip", "set it to false (embed.add_flip adds the mirrored picture)");
  refuse(!config.data.mask.empty(), "data.mask", "leave this key out");
  refuse(!config.data.label_map.empty(), "data.label_map", "leave this key out");
  refuse(config.data.fixed_size > 0, "data.fixed_size", "leave this key out");
  refuse(config.data.order != "exact", "data.order", "leave this key out: the order is that of the source");
  refuse(config.train.epochs != 1, "train.epochs", "set it to 1");
  if (!config.embed.destination.ends_with(".npy"))
    problems.push_back({"embed.destination", "must end in .npy, not " + config.embed.destination});
  if (config.data.train_source.size() > 1)
    problems.push_back({"data.train_source", "an embedding job takes one source"});
}

// Keys of [model] that belong to some backbones only.
void refuse_other_backbones_keys(const Config& config, std::vector<ConfigProblem>& problems) {
  const std::string& model = config.model.model;
  const std::string& depth = config.model.depth;
  const bool letter = depth == "s" || depth == "b" || depth == "l";
  if (model == "vit" && !letter)
    problems.push_back({"model.depth", "vit has the depths s, b and l, not " + depth});
  if (model == "vit" && config.model.mode != "normal")
    problems.push_back({"model.mode", config.model.mode + " is of iresnet; vit has normal only"});
  if (model != "vit" && letter)
    problems.push_back({"model.depth", depth + " is a depth of vit, not of " + model +
                                           (model == "iresnet" ? ", which has 18, 34, 50, 100, 152 and 200"
                                                               : ", whose size is model.width")});
  if (model == "mobilefacenet" && config.model.checkpoint)
    problems.push_back({"model.checkpoint", "is of iresnet and vit; mobilefacenet keeps all activations"});
}

}  // namespace

std::vector<ConfigProblem> inconsistencies(const Config& config) {
  std::vector<ConfigProblem> problems;
  refuse_partial_fc_combinations(config, problems);
  if (is_embedding(config)) refuse_changed_pictures(config, problems);
  refuse_other_backbones_keys(config, problems);
  if (!is_embedding(config) && config.train.batch_size < 2)
    problems.push_back(
        {"train.batch_size", "must be 2 or more: batch normalisation has no variance of a single picture"});
  if (config.model.input_size.size() != 2)
    problems.push_back({"model.input_size", "needs two numbers, height and width, as in [112, 112]"});
  if (config.data.fixed_size_redraw && config.data.fixed_size == 0)
    problems.push_back(
        {"data.fixed_size_redraw", "has no effect without data.fixed_size, the number of samples to draw"});
  if (config.data.window < config.data.shard)
    problems.push_back({"data.window", "must be at least data.shard, which is " +
                                           std::to_string(config.data.shard) +
                                           ": a window shuffles the samples of several shards"});
  if (config.data.mask_shrink && config.data.mask.empty())
    problems.push_back({"data.mask_shrink", "has no effect without data.mask"});
  const auto& reduce = config.train.reduce_lr;
  if (std::adjacent_find(reduce.begin(), reduce.end(), std::greater_equal<>()) != reduce.end())
    problems.push_back({"train.reduce_lr", "the epochs must increase, as in [12, 20, 24]"});
  if (config.train.warmup_epoch > 0 && !config.train.scheduler)
    problems.push_back(
        {"train.warmup_epoch", "only the polynomial schedule warms up; set train.scheduler = true"});
  if (config.train.scheduler && config.train.warmup_epoch >= config.train.epochs)
    problems.push_back({"train.warmup_epoch",
                        "must be below train.epochs, which is " + std::to_string(config.train.epochs)});
  if (config.validation.add_flip && config.validation.add_norm)
    problems.push_back(
        {"validation.add_norm",
         "excludes add_flip, which is on by default; set validation.add_flip = false to use add_norm"});
  const auto& gpus = config.launch.gpus;
  if (std::set<std::int64_t>(gpus.begin(), gpus.end()).size() != gpus.size())
    problems.push_back({"launch.gpus", "names a GPU twice; each trainer needs its own"});
  const auto trainers = config.launch.trainers;
  if (trainers > 0 && !gpus.empty() && trainers != static_cast<std::int64_t>(gpus.size()))
    problems.push_back({"launch.gpus", "names " + std::to_string(gpus.size()) +
                                           " GPUs but launch.trainers is " + std::to_string(trainers) +
                                           "; each trainer has one GPU"});
  const auto& sets = config.validation.val_list;
  if (std::set<std::string>(sets.begin(), sets.end()).size() != sets.size())
    problems.push_back({"validation.val_list", "names a set twice"});
  if (config.limits.silence > 0 && config.limits.silence < 3)
    problems.push_back(
        {"limits.silence", "processes tell once a second that they live; set 3 or more, or 0"});
  try {
    parse_injection(config.debug.inject);
  } catch (const Error& error) {
    problems.push_back({"debug.inject", error.what()});
  }
  return problems;
}

}  // namespace facetrain
