#include "common/config/schema.hpp"

#include "common/config/suggest.hpp"
#include "common/config/text_form.hpp"

namespace facetrain {
namespace {

std::string form(bool value) {
  return value ? "true" : "false";
}
std::string form(std::int64_t value) {
  return std::to_string(value);
}
std::string form(double value) {
  return real_text(value);
}
std::string form(const std::string& value) {
  return quoted_text(value);
}
template <class T>
std::string form(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) text += (text.size() > 1 ? ", " : "") + form(value);
  return text + "]";
}

}  // namespace

std::vector<TableSchema> config_schema() {
  using namespace config_checks;
  std::vector<TableSchema> tables;
#define TABLE_BEGIN(table, meaning) tables.push_back({#table, meaning, {}});
#define KEY(table, type, name, check, meaning, ...) \
  tables.back().keys.push_back(                     \
      {#name, meaning, KeyType::type, check, [](Config& config) -> Field { return &config.table.name; }});
#define TABLE_END(table)
#include "common/config/keys.def"
#undef TABLE_BEGIN
#undef KEY
#undef TABLE_END
  return tables;
}

const KeySchema* find_key(const std::vector<TableSchema>& schema, std::string_view table,
                          std::string_view key) {
  for (const TableSchema& one : schema)
    for (const KeySchema& candidate : one.keys)
      if (one.name == table && candidate.name == key) return &candidate;
  return nullptr;
}

std::string unknown_key(const std::vector<TableSchema>& schema, std::string_view table,
                        std::string_view key) {
  const std::string message = "unknown key `" + std::string(key) + "` in [" + std::string(table) + "]";
  std::vector<std::string_view> names;
  for (const TableSchema& one : schema) {
    for (const KeySchema& candidate : one.keys) {
      if (candidate.name == key) return message + "; it belongs to [" + std::string(one.name) + "]";
      if (one.name == table) names.push_back(candidate.name);
    }
  }
  return message + suggestion(key, names);
}

std::string unknown_table(const std::vector<TableSchema>& schema, std::string_view table) {
  std::vector<std::string_view> names;
  std::string all;
  for (const TableSchema& one : schema) {
    names.push_back(one.name);
    all += (all.empty() ? "" : ", ") + std::string(one.name);
  }
  const std::string hint = suggestion(table, names);
  return "unknown table [" + std::string(table) + "]" + (hint.empty() ? "; the tables are " + all : hint);
}

std::string_view name_of(KeyType type) {
  switch (type) {
    case KeyType::Text:
      return "text";
    case KeyType::Word:
      return "text or integer";
    case KeyType::Int:
      return "integer";
    case KeyType::Real:
      return "number";
    case KeyType::Flag:
      return "true or false";
    case KeyType::Ints:
      return "list of integers";
    case KeyType::Reals:
      return "list of numbers";
    case KeyType::Texts:
      return "list of texts";
  }
  return "";
}

std::string value_text(const Field& field) {
  return std::visit([](const auto* value) { return form(*value); }, field);
}

}  // namespace facetrain
