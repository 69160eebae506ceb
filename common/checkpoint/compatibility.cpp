#include "common/checkpoint/compatibility.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/config/schema.hpp"
#include "common/error.hpp"

namespace facetrain {
namespace {

struct Rule {
  std::string_view table, key;  // key "": all others of the table
  Change change;
};

// The first that fits. What no rule names is kTraining: a new key is refused until somebody has thought about
// it.
constexpr std::array kRules = {
    Rule{"run", "seed", Change::kTraining},
    Rule{"run", "", Change::kFree},
    Rule{"data", "train_source", Change::kFree},  // the digest tells the data apart
    Rule{"data", "mask", Change::kFree},
    Rule{"data", "mask_shrink", Change::kFree},
    Rule{"data", "label_map", Change::kFree},
    Rule{"data", "stage", Change::kFree},
    Rule{"data", "workers", Change::kFree},
    Rule{"data", "slots", Change::kFree},
    Rule{"data", "order", Change::kPlan},
    Rule{"data", "shard", Change::kPlan},
    Rule{"data", "window", Change::kPlan},
    Rule{"data", "fixed_size", Change::kPlan},
    Rule{"data", "fixed_size_redraw", Change::kPlan},
    Rule{"model", "dropout", Change::kTraining},
    Rule{"model", "checkpoint", Change::kFree},
    Rule{"model", "fused_norm", Change::kTraining},  // rounds otherwise
    Rule{"model", "", Change::kNever},
    Rule{"head", "margin", Change::kTraining},
    Rule{"head", "", Change::kNever},
    Rule{"train", "batch_size", Change::kFree},  // the global batch is compared
    Rule{"train", "accumulate", Change::kFree},
    Rule{"train", "epochs", Change::kFree},  // but see config_objection
    Rule{"train", "optimizer", Change::kNever},
    Rule{"train", "precision", Change::kNever},
    Rule{"train", "nonfinite_steps", Change::kFree},
    Rule{"train", "lr", Change::kLr},
    Rule{"train", "reduce_lr", Change::kLr},
    Rule{"train", "scheduler", Change::kLr},
    Rule{"train", "warmup_epoch", Change::kLr},
    Rule{"validation", "", Change::kFree},
    Rule{"embed", "", Change::kFree},
    Rule{"launch", "", Change::kFree},
    Rule{"checkpoint", "", Change::kFree},
    Rule{"limits", "", Change::kFree},
    Rule{"debug", "", Change::kFree},
};

std::string_view word_of(Change change) {
  return change == Change::kLr ? "lr" : change == Change::kPlan ? "plan" : "training";
}

bool permits(const Config& config, Change change) {
  const auto& allow = config.checkpoint.allow;
  return change == Change::kFree ||
         (change != Change::kNever && std::find(allow.begin(), allow.end(), word_of(change)) != allow.end());
}

std::string remedy(Change change) {
  return change == Change::kNever
             ? ""
             : "; --allow-change " + std::string(word_of(change)) + " goes on all the same";
}

}  // namespace

Change change_of(const std::string& table, const std::string& key) {
  for (const Rule& rule : kRules)
    if (rule.table == table && (rule.key == key || rule.key.empty())) return rule.change;
  return Change::kTraining;
}

std::string config_objection(const Config& saved, const Config& now) {
  Config before = saved, after = now;  // the schema's accessors need mutable ones
  std::string all;
  for (const TableSchema& table : config_schema())
    for (const KeySchema& key : table.keys) {
      const std::string old_value = value_text(key.field(before)), value = value_text(key.field(after));
      if (old_value == value) continue;
      const std::string name = std::string(table.name) + "." + std::string(key.name);
      // The polynomial schedule ends with the last epoch.
      const bool is_schedule = name == "train.epochs" && now.train.scheduler;
      const Change change =
          is_schedule ? Change::kLr : change_of(std::string(table.name), std::string(key.name));
      if (permits(now, change)) continue;
      all += (all.empty() ? "" : "; ") + name + " was " + old_value + ", now it is " + value + remedy(change);
    }
  return all;
}

std::string plan_objection(const PlanPosition& saved, const PlanPosition& now, const Config& config) {
  if (permits(config, Change::kPlan)) return "";
  if (saved.global_batch != now.global_batch)
    return "an update took " + std::to_string(saved.global_batch) + " samples (" +
           std::to_string(saved.world) + " trainers), now it would take " + std::to_string(now.global_batch) +
           " (" + std::to_string(now.world) +
           " trainers x train.batch_size x train.accumulate); change train.batch_size or train.accumulate so "
           "that the product is the same" +
           remedy(Change::kPlan);
  if (config.data.order == "chunked" && saved.nodes != now.nodes)
    return "data.order = \"chunked\" divides the data over the nodes: there were " +
           std::to_string(saved.nodes) + ", now there are " + std::to_string(now.nodes) +
           remedy(Change::kPlan);
  return "";
}

std::string data_objection(const DataIdentity& saved, const DataIdentity& now) {
  if (saved.classes != now.classes)
    return "the data had " + std::to_string(saved.classes) + " identities, now they have " +
           std::to_string(now.classes);
  if (saved.samples != now.samples)
    return "the data had " + std::to_string(saved.samples) + " samples, now they have " +
           std::to_string(now.samples);
  if (saved.digest != now.digest)
    return "the data are others: their digest (of names, labels, number, and the bytes of a few) was " +
           std::to_string(saved.digest) + ", now it is " + std::to_string(now.digest);
  return "";
}

void require_none(const std::string& objection, const std::string& checkpoint_folder) {
  if (!objection.empty())
    throw Error(ErrorKind::kConfig,
                "cannot go on from " + checkpoint_folder + ": " + objection + "; --fresh starts a new run");
}

}  // namespace facetrain
