#include "common/config/schema.hpp"

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
