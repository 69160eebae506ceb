#include "common/migrate/convert_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>

#include "common/config/schema.hpp"
#include "common/error.hpp"

namespace facetrain {
namespace {

// Keys whose value means the same here; None is an empty text or 0.
struct Renamed {
  std::string_view python, table, key;
};
constexpr std::array<Renamed, 30> kRenamed{{
    {"prefix", "run", "prefix"},
    {"frequency_log", "run", "frequency_log"},
    {"resume", "run", "resume"},
    {"train_source", "data", "train_source"},
    {"mask", "data", "mask"},
    {"label_map", "data", "label_map"},
    {"fixed_size", "data", "fixed_size"},
    {"augment", "data", "augment"},
    {"rand_erase", "data", "rand_erase"},
    {"model", "model", "model"},
    {"depth", "model", "depth"},
    {"mode", "model", "mode"},
    {"embedding_size", "model", "embedding_size"},
    {"input_size", "model", "input_size"},
    {"head", "head", "head"},
    {"margin", "head", "margin"},
    {"sample_rate", "head", "sample_rate"},
    {"batch_size", "train", "batch_size"},
    {"epochs", "train", "epochs"},
    {"optimizer", "train", "optimizer"},
    {"lr", "train", "lr"},
    {"momentum", "train", "momentum"},
    {"weight_decay", "train", "weight_decay"},
    {"reduce_lr", "train", "reduce_lr"},
    {"scheduler", "train", "scheduler"},
    {"warmup_epoch", "train", "warmup_epoch"},
    {"val_source", "validation", "val_source"},
    {"val_list", "validation", "val_list"},
    {"add_flip", "validation", "add_flip"},
    {"add_norm", "validation", "add_norm"},
}};

// Keys of the reference that need none here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kWithout{{
    {"num_ims", "the pictures are counted when the source is opened"},
    {"pin_memory", "batches are always copied from pinned memory"},
    {"workers",
     "a number of processes per GPU there; data.workers counts a node's threads (0: all processors)"},
}};

const PythonValue* find_value(const PythonConfig& config, std::string_view key) {
  const PythonEntry* entry = find_entry(config, key);
  return entry == nullptr ? nullptr : &entry->value;
}
bool is_true(const PythonConfig& config, std::string_view key) {
  const PythonValue* value = find_value(config, key);
  return value != nullptr && *value == PythonValue{true};
}
bool is_text(const PythonConfig& config, std::string_view key, const char* text) {
  const PythonValue* value = find_value(config, key);
  return value != nullptr && *value == PythonValue{std::string(text)};
}

// One element, of the type of a field. Numbers that are whole may be written as floats.
std::optional<bool> read(const PythonValue& value, const bool*) {
  const auto* flag = std::get_if<bool>(&value.value);
  return flag == nullptr ? std::nullopt : std::optional(*flag);
}
std::optional<std::int64_t> read(const PythonValue& value, const std::int64_t*) {
  if (const auto* integer = std::get_if<std::int64_t>(&value.value)) return *integer;
  const auto* real = std::get_if<double>(&value.value);
  if (real == nullptr || *real != std::floor(*real) || std::abs(*real) > 1e15) return {};
  return static_cast<std::int64_t>(*real);
}
std::optional<double> read(const PythonValue& value, const double*) {
  if (const auto* integer = std::get_if<std::int64_t>(&value.value)) return static_cast<double>(*integer);
  const auto* real = std::get_if<double>(&value.value);
  return real == nullptr ? std::nullopt : std::optional(*real);
}
std::optional<std::string> read(const PythonValue& value, const std::string*) {
  if (const auto* text = std::get_if<std::string>(&value.value)) return *text;
  if (std::holds_alternative<std::int64_t>(value.value)) return python_text(value);  // depth = 50
  return {};
}
template <class T>
std::optional<std::vector<T>> read(const PythonValue& value, const std::vector<T>*) {
  const auto* list = std::get_if<PythonList>(&value.value);
  std::vector<T> values;
  for (const PythonValue& one : list == nullptr ? PythonList{value} : *list) {
    const auto element = read(one, static_cast<const T*>(nullptr));
    if (!element) return {};
    values.push_back(*element);
  }
  return values;
}

// The value as TOML for our key, or nothing when it is of another type. None leaves the key's default.
std::optional<std::string> toml_value(const PythonValue& value, const KeySchema& key) {
  Config config;
  const Field field = key.field(config);
  const bool is_none = std::holds_alternative<std::monostate>(value.value);
  const bool is_read = std::visit(
      [&](auto* out) {
        const auto converted = read(value, out);
        if (converted) *out = *converted;
        return converted.has_value();
      },
      field);
  if (!is_read && !is_none) return {};
  return value_text(field);
}

std::string paper_remark(const std::string& head) {
  const bool has_statistics = head == "adaface" || head == "curricularface";
  return "where the reference's " + head + " differs from its paper this trains by the paper; [compat] " +
         head + " = true" + (has_statistics ? " with local_statistics = true" : "") +
         " is the reference's (configs/README.md, [compat])";
}

std::vector<std::string> remarks_of(const PythonConfig& config) {
  std::vector<std::string> remarks{
      "torchrun's --nproc_per_node=N is launch.trainers = N (0: one per GPU); batch_size is per GPU, there "
      "and here"};
  for (const char* head : {"adaface", "curricularface", "magface", "uniface", "combined"})
    if (is_text(config, "head", head)) remarks.push_back(paper_remark(head));
  if (is_text(config, "head", "circleloss"))
    remarks.push_back(
        "the parent lists circleloss as to do and cannot run this configuration; facetrain's is the paper's");
  if (is_true(config, "add_flip") && is_true(config, "add_norm"))
    remarks.push_back("add_flip and add_norm are both set; the reference then takes add_flip (train.py:245)");
  if (is_true(config, "scheduler"))
    remarks.push_back(
        "with scheduler the reference's training ends in a TypeError on current torch; facetrain's schedule "
        "is the one it means");
  return remarks;
}

// The parent's ViT-B and ViT-L always checkpoint activations (model/vit.py); its files have no key for it.
bool always_checkpoints(const PythonConfig& config) {
  return is_text(config, "model", "vit") && (is_text(config, "depth", "b") || is_text(config, "depth", "l"));
}

std::string comment_of(const PythonConfig& config, const PythonEntry& entry, const std::string& own_file) {
  if (entry.key == "reduce_lr" && is_true(config, "scheduler")) return "not used with scheduler";
  if (entry.key == "add_norm" && is_true(config, "add_flip") && is_true(config, "add_norm"))
    return "add_flip wins";
  if (entry.file != own_file) return std::filesystem::path(entry.file).filename().string();
  return "";
}

}  // namespace

ConvertedConfig convert_config(const PythonConfig& config, const std::string& own_file) {
  const auto schema = config_schema();
  ConvertedConfig converted;
  std::string problems;
  const auto problem = [&](const PythonEntry& entry, std::string_view expected) {
    problems += (problems.empty() ? "" : "\n") + entry.file + ":" + std::to_string(entry.line) + ": config." +
                entry.key + ": expected " + std::string(expected) + ", not " + python_text(entry.value);
  };
  for (const PythonEntry& entry : config) {
    const auto renamed = std::find_if(kRenamed.begin(), kRenamed.end(),
                                      [&](const Renamed& one) { return one.python == entry.key; });
    if (entry.key == "fp16") {
      const auto* flag = std::get_if<bool>(&entry.value.value);
      if (flag == nullptr) problem(entry, "True or False");
      converted.keys.push_back({"train", "precision", flag != nullptr && *flag ? "\"fp16\"" : "\"fp32\"",
                                "fp16 = " + python_text(entry.value)});
    } else if (renamed != kRenamed.end()) {
      const KeySchema* key = find_key(schema, renamed->table, renamed->key);
      PythonValue value = entry.value;
      if (entry.key == "add_norm" && is_true(config, "add_flip")) value = {false};
      const auto toml = toml_value(value, *key);
      if (!toml) problem(entry, name_of(key->type));
      converted.keys.push_back({std::string(renamed->table), std::string(renamed->key), toml.value_or(""),
                                comment_of(config, entry, own_file)});
    } else {
      const auto known = std::find_if(kWithout.begin(), kWithout.end(),
                                      [&](const auto& one) { return one.first == entry.key; });
      converted.without.push_back(
          entry.key + " = " + python_text(entry.value) + ": " +
          (known == kWithout.end() ? "not a key of facetrain" : std::string(known->second)));
    }
  }
  if (!problems.empty()) throw Error(ErrorKind::kConfig, problems);
  if (always_checkpoints(config))
    converted.keys.push_back(
        {"model", "checkpoint", "true", "as the parent's vit b and l do, without a key"});
  const auto place = [&](const ConvertedKey& key) {
    std::size_t at = 0;
    for (const TableSchema& table : schema)
      for (const KeySchema& one : table.keys) {
        if (table.name == key.table && one.name == key.key) return at;
        ++at;
      }
    return at;
  };
  std::stable_sort(converted.keys.begin(), converted.keys.end(),
                   [&](const ConvertedKey& a, const ConvertedKey& b) { return place(a) < place(b); });
  converted.remarks = remarks_of(config);
  return converted;
}

std::string converted_text(const ConvertedConfig& converted, const std::string& source,
                           const std::string& base) {
  const auto file_name = [](const std::string& path) {
    return std::filesystem::path(path).filename().string();
  };
  std::string text = "# Made by `facetrain convert-config` from " + file_name(source);
  if (!base.empty())
    text += " over " + file_name(base) + "; keys marked " + file_name(base) + " come from there";
  text += ".\n";
  for (const std::string& remark : converted.remarks) text += "# Note: " + remark + ".\n";
  if (!converted.without.empty()) text += "# Without counterpart here:\n";
  for (const std::string& line : converted.without) text += "#   " + line + "\n";
  std::string table;
  for (const ConvertedKey& key : converted.keys) {
    if (key.table != table) text += "\n[" + key.table + "]\n";
    table = key.table;
    std::string line = key.key + " = " + key.value;
    if (!key.comment.empty()) {
      if (line.size() < 40) line.resize(40, ' ');
      line += "  # " + key.comment;
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace facetrain
