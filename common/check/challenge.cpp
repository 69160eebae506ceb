#include "common/check/challenge.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/config/schema.hpp"

namespace facetrain {
namespace {

constexpr std::string_view kReference = "configs/arcface_r50_default.toml";
constexpr std::array<std::string_view, 6> kFreeTables = {"run",   "validation", "launch",
                                                         "embed", "checkpoint", "limits"};
constexpr std::array<std::string_view, 11> kFreeKeys = {
    "data.train_source", "data.stage",          "data.workers",    "data.slots",
    "data.mask",         "data.mask_shrink",    "data.label_map",  "train.batch_size",
    "train.accumulate",  "head.dense_momentum", "model.checkpoint"};
constexpr std::array<std::string_view, 3> kFixedKeys = {"run.init_from", "run.init_head", "checkpoint.allow"};

bool is_free(std::string_view table, const std::string& key) {
  if (std::find(kFixedKeys.begin(), kFixedKeys.end(), key) != kFixedKeys.end()) return false;
  return std::find(kFreeTables.begin(), kFreeTables.end(), table) != kFreeTables.end() ||
         std::find(kFreeKeys.begin(), kFreeKeys.end(), key) != kFreeKeys.end();
}

}  // namespace

Config challenge_config() {
  Config config;
  config.run.prefix = "arcface-r50-default";
  config.data.augment = true;
  config.data.rand_erase = true;
  config.model.mode = "se";
  config.train.epochs = 26;
  config.train.reduce_lr = {12, 20, 24};
  config.validation.val_list = {"lfw", "cfp_fp", "agedb_30", "calfw", "cplfw"};
  config.launch.trainers = 4;
  return config;
}

Findings challenge_findings(const Config& config, Rules rules) {
  Config mine = config, theirs = challenge_config();  // the schema's accessors need mutable ones
  Findings findings;
  for (const TableSchema& table : config_schema()) {
    for (const KeySchema& key : table.keys) {
      const std::string name = std::string(table.name) + "." + std::string(key.name);
      const std::string value = value_text(key.field(mine)), fixed = value_text(key.field(theirs));
      if (value == fixed || is_free(table.name, name)) continue;
      const std::string where = name + " = " + value;
      if (name == "train.precision")
        findings.push_back(
            warning("challenge", where, "the challenge trains in fp16; results may differ slightly"));
      else
        findings.push_back(breach(rules, "challenge", where,
                                  "the challenge fixes it at " + fixed + " (" + std::string(kReference) +
                                      "); use that value for a submission"));
    }
  }
  if (findings.empty())
    findings.push_back(ok("challenge", "hyperparameters", "as in " + std::string(kReference)));
  return findings;
}

Findings batch_findings(const Config& config, int trainers, Rules rules) {
  constexpr std::int64_t kTrainers = 4, kBatch = 128;
  const std::int64_t batch = config.train.batch_size, parts = config.train.accumulate;
  const std::int64_t total = trainers * batch * parts;
  const std::string where = std::to_string(trainers) + " x " + std::to_string(batch) +
                            (parts > 1 ? " x " + std::to_string(parts) + " accumulated" : "") + " = " +
                            std::to_string(total);
  if (trainers == kTrainers && batch == kBatch && parts == 1)
    return {ok("global batch", where, "the challenge's")};
  if (total == kTrainers * kBatch)
    return {warning("global batch", where,
                    "the challenge's size in other parts than 4 x 128: BatchNorm's statistics are those of " +
                        std::to_string(batch) + " pictures; results may differ slightly")};
  return {breach(
      rules, "global batch", where,
      "the challenge's is 4 x 128 = 512, and lr is not scaled; set launch.trainers and train.batch_size "
      "to it (fewer GPUs: train.accumulate)")};
}

}  // namespace facetrain
