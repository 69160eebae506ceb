#include "common/config/parse.hpp"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "common/config/consistency.hpp"
#include "common/config/schema.hpp"
#include "common/config/text_form.hpp"
#include "common/error.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

// A value as the message names it: `the text "x"`.
std::string described(const toml::node& node) {
  if (const auto* text = node.as_string()) return "the text " + quoted_text(text->get());
  if (const auto* number = node.as_integer()) return "the integer " + std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return "the number " + number_text(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a table";
  return "a date or time";
}

bool read_scalar(const toml::node& node, KeyType type, std::string& out) {
  if (type == KeyType::Word && node.is_integer()) {
    out = std::to_string(node.as_integer()->get());
    return true;
  }
  if (!node.is_string()) return false;
  out = node.as_string()->get();
  return true;
}
bool read_scalar(const toml::node& node, KeyType, std::int64_t& out) {
  if (!node.is_integer()) return false;
  out = node.as_integer()->get();
  return true;
}
bool read_scalar(const toml::node& node, KeyType, double& out) {
  if (!node.is_number()) return false;
  out = node.is_integer() ? static_cast<double>(node.as_integer()->get()) : node.as_floating_point()->get();
  return true;
}
bool read_scalar(const toml::node& node, KeyType, bool& out) {
  if (!node.is_boolean()) return false;
  out = node.as_boolean()->get();
  return true;
}

std::optional<std::string> check(const Check& check, const std::string& value) {
  return check.problem(std::string_view(value));
}
std::optional<std::string> check(const Check& check, std::int64_t value) {
  return check.problem(static_cast<double>(value));
}
std::optional<std::string> check(const Check& check, double value) {
  return check.problem(value);
}
std::optional<std::string> check(const Check&, bool) {
  return {};
}

struct Problem {
  toml::source_position at;
  std::string text;
};

// Reads `node` into `out`; a value with a problem leaves `out` alone.
template <class T>
void read_value(const toml::node& node, const KeySchema& key, T& out, std::vector<Problem>& problems) {
  T value{};
  if (!read_scalar(node, key.type, value)) {
    problems.push_back(
        {node.source().begin, "expected " + std::string(name_of(key.type)) + ", not " + described(node)});
  } else if (auto problem = check(key.check, value)) {
    problems.push_back({node.source().begin, *problem});
  } else {
    out = std::move(value);
  }
}

template <class T>
void read_value(const toml::node& node, const KeySchema& key, std::vector<T>& out,
                std::vector<Problem>& problems) {
  std::vector<T> values;
  const auto before = problems.size();
  const auto element = [&](const toml::node& one) { read_value(one, key, values.emplace_back(), problems); };
  if (const auto* list = node.as_array()) {
    for (const toml::node& one : *list) element(one);
  } else {
    element(node);
  }
  if (problems.size() == before) out = std::move(values);
}

// Collects values over files and overrides, and every problem on the way.
class Reader {
 public:
  void read_text(std::string_view text, const std::string& name, const fs::path* path);
  void read_file(const fs::path& path, const std::string& referrer);
  void override_with(const std::string& argument);
  Config finish(const std::string& name);

 private:
  void read_root(const toml::table& root, const std::string& name, std::vector<Problem>& problems);
  void read_table(const TableSchema& table, const toml::table& values, const std::string& name,
                  std::vector<Problem>& problems);

  std::vector<TableSchema> schema_ = config_schema();
  Config config_;
  std::vector<std::string> problems_;
  std::map<std::string, std::string> origin_;  // "table.key" -> "file:line:column" or "--set ..."
  std::vector<fs::path> chain_;                // files being read, each named by the one before as its base
};

std::string position(const std::string& name, const toml::source_position& at) {
  return name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

void Reader::read_table(const TableSchema& table, const toml::table& values, const std::string& name,
                        std::vector<Problem>& problems) {
  for (const auto& [key, node] : values) {
    const KeySchema* schema = find_key(schema_, table.name, key.str());
    if (schema == nullptr) {
      problems.push_back({key.source().begin, unknown_key(schema_, table.name, key.str())});
      continue;
    }
    const std::string full = std::string(table.name) + "." + std::string(key.str());
    const auto first = problems.size();
    std::visit([&, &value = node](auto* out) { read_value(value, *schema, *out, problems); },
               schema->field(config_));
    for (auto i = first; i < problems.size(); ++i) problems[i].text = full + ": " + problems[i].text;
    origin_[full] = position(name, node.source().begin);
  }
}

void Reader::read_root(const toml::table& root, const std::string& name, std::vector<Problem>& problems) {
  for (const auto& [key, node] : root) {
    if (key.str() == "base") continue;
    const auto table = std::find_if(schema_.begin(), schema_.end(),
                                    [&, &k = key](const TableSchema& one) { return one.name == k.str(); });
    if (table == schema_.end()) {
      std::string text;
      for (const TableSchema& one : schema_)
        if (!node.is_table() && find_key(schema_, one.name, key.str()) != nullptr)
          text = "key `" + std::string(key.str()) + "` stands outside its table; it belongs to [" +
                 std::string(one.name) + "]";
      problems.push_back({key.source().begin, text.empty() ? unknown_table(schema_, key.str()) : text});
    } else if (const auto* values = node.as_table()) {
      read_table(*table, *values, name, problems);
    } else {
      problems.push_back({key.source().begin, "`" + std::string(key.str()) + "` is a table, written as [" +
                                                  std::string(key.str()) + "]"});
    }
  }
}

void Reader::read_text(std::string_view text, const std::string& name, const fs::path* path) {
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    problems_.push_back(position(name, parsed.error().source().begin) + ": " +
                        std::string(parsed.error().description()));
    return;
  }
  const toml::table& root = parsed.table();
  if (const toml::node* base = root.get("base")) {
    const std::string where = position(name, base->source().begin) + ": base: ";
    if (!base->is_string()) {
      problems_.push_back(where + "expected text, not " + described(*base));
    } else if (path == nullptr) {
      problems_.push_back(where + "only a configuration file may have a base");
    } else {
      read_file(path->parent_path() / base->as_string()->get(), where);
    }
  }
  std::vector<Problem> found;
  read_root(root, name, found);
  // Tables iterate by name; people read from top to bottom.
  std::stable_sort(found.begin(), found.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
  });
  for (const Problem& problem : found) problems_.push_back(position(name, problem.at) + ": " + problem.text);
}

void Reader::read_file(const fs::path& path, const std::string& referrer) {
  std::error_code ignored;
  const fs::path canonical = fs::weakly_canonical(path, ignored);
  if (std::find(chain_.begin(), chain_.end(), canonical) != chain_.end()) {
    problems_.push_back(referrer + "the files name each other as base in a circle: " + path.string());
    return;
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const int reason = fs::is_directory(path, ignored) ? EISDIR : errno;
  std::ostringstream text;
  if (reason == EISDIR || !file ||
      (file.peek() != std::ifstream::traits_type::eof() && !(text << file.rdbuf()))) {
    problems_.push_back(
        referrer + with_errno("cannot read the configuration " + path.string(), reason == 0 ? EIO : reason) +
        "; name a TOML file, such as configs/arcface_r50_default.toml");
    return;
  }
  chain_.push_back(canonical);
  read_text(text.str(), path.string(), &path);
  chain_.pop_back();
}

// The TOML text of the value in `--set table.key=value`: texts may be written without quotes.
std::string quoted_where_bare(const std::string& value, KeyType type) {
  const bool is_text = type == KeyType::Text || type == KeyType::Word;
  const bool starts_as_toml = !value.empty() && (value[0] == '"' || value[0] == '\'');
  if (is_text || type == KeyType::Texts) {
    if (starts_as_toml || (type == KeyType::Texts && !value.empty() && value[0] == '[')) return value;
    return quoted_text(value);
  }
  const toml::parse_result parsed = toml::parse("v = " + value);
  return parsed || value.find_first_of("\"'[]{}\n") != value.npos ? value : quoted_text(value);
}

void Reader::override_with(const std::string& argument) {
  const std::string where = "--set " + argument;
  const auto equals = argument.find('=');
  const std::string full = argument.substr(0, equals);
  const auto dot = full.find('.');
  if (equals == argument.npos || dot == full.npos) {
    problems_.push_back(where + ": expected table.key=value, such as train.lr=0.05");
    return;
  }
  const std::string table = full.substr(0, dot), name = full.substr(dot + 1);
  const bool known =
      std::any_of(schema_.begin(), schema_.end(), [&](const TableSchema& one) { return one.name == table; });
  const KeySchema* key = find_key(schema_, table, name);
  if (key == nullptr) {
    problems_.push_back(where + ": " +
                        (known ? unknown_key(schema_, table, name) : unknown_table(schema_, table)));
    return;
  }
  const toml::parse_result parsed =
      toml::parse("v = " + quoted_where_bare(argument.substr(equals + 1), key->type));
  if (!parsed || parsed.table().size() != 1) {
    problems_.push_back(where + ": the value is not TOML" +
                        (parsed ? "" : ": " + std::string(parsed.error().description())));
    return;
  }
  std::vector<Problem> found;
  std::visit([&](auto* out) { read_value(*parsed.table().get("v"), *key, *out, found); },
             key->field(config_));
  for (const Problem& problem : found) problems_.push_back(where + ": " + problem.text);
  origin_[full] = where;
}

Config Reader::finish(const std::string& name) {
  for (const ConfigProblem& problem : inconsistencies(config_)) {
    const auto origin = origin_.find(problem.key);
    problems_.push_back((origin == origin_.end() ? name : origin->second) + ": " + problem.key + ": " +
                        problem.text);
  }
  std::string all;
  for (const std::string& problem : problems_) all += (all.empty() ? "" : "\n") + problem;
  if (!all.empty()) throw Error(ErrorKind::kConfig, all);
  return std::move(config_);
}

}  // namespace

Config load_config(const std::string& path, std::span<const std::string> sets) {
  Reader reader;
  reader.read_file(path, "");
  for (const std::string& set : sets) reader.override_with(set);
  return reader.finish(path);
}

Config parse_config(std::string_view text, const std::string& name) {
  Reader reader;
  reader.read_text(text, name, nullptr);
  return reader.finish(name);
}

std::string resolve_config(const std::string& path, std::span<const std::string> sets) {
  return print_config(load_config(path, sets));
}

}  // namespace facetrain
