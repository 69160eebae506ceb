// The configuration of a run as plain structs, made from keys.def. See parse.hpp for reading one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace facetrain {

namespace config_types {
using Text = std::string;
using Word = std::string;
using Int = std::int64_t;
using Real = double;
using Flag = bool;
using Ints = std::vector<std::int64_t>;
using Reals = std::vector<double>;
using Texts = std::vector<std::string>;
}  // namespace config_types

#define TABLE_BEGIN(table, meaning) struct table##_table {
#define KEY(table, type, name, check, meaning, ...) config_types::type name = __VA_ARGS__;
#define TABLE_END(table) \
  }                      \
  ;
namespace config_tables {
#include "common/config/keys.def"
}
#undef TABLE_BEGIN
#undef KEY
#undef TABLE_END

struct Config {
#define TABLE_BEGIN(table, meaning) config_tables::table##_table table;
#define KEY(table, type, name, check, meaning, ...)
#define TABLE_END(table)
#include "common/config/keys.def"
#undef TABLE_BEGIN
#undef KEY
#undef TABLE_END
};

}  // namespace facetrain
