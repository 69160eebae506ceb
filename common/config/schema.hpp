// keys.def as data: what parsing, printing, the digest and the reference walk over, in the order of keys.def.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/checks.hpp"
#include "common/config/config.hpp"

namespace facetrain {

// Word: a text that may also be written as an integer (model.depth).
enum class KeyType { Text, Word, Int, Real, Flag, Ints, Reals, Texts };

using Field = std::variant<config_types::Text*, config_types::Int*, config_types::Real*, config_types::Flag*,
                           config_types::Ints*, config_types::Reals*, config_types::Texts*>;

struct KeySchema {
  std::string_view name, meaning;
  KeyType type;
  Check check;              // a list key's check is for each of its elements
  Field (*field)(Config&);  // where the value lives
};

struct TableSchema {
  std::string_view name, meaning;
  std::vector<KeySchema> keys;
};

std::vector<TableSchema> config_schema();

// The key's declaration, or null.
const KeySchema* find_key(const std::vector<TableSchema>& schema, std::string_view table,
                          std::string_view key);

// Error texts for names that are not in the schema, with what was probably meant.
std::string unknown_key(const std::vector<TableSchema>& schema, std::string_view table, std::string_view key);
std::string unknown_table(const std::vector<TableSchema>& schema, std::string_view table);

// "text", "integer", "list of numbers" ...
std::string_view name_of(KeyType type);

// The value as TOML.
std::string value_text(const Field& field);

}  // namespace facetrain
