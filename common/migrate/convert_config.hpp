// A Python configuration of the reference as one of ours: which key becomes which, and what has no
// counterpart.
#pragma once

#include <string>
#include <vector>

#include "common/migrate/python_config.hpp"

namespace facetrain {

struct ConvertedKey {
  std::string table, key;
  std::string value;    // TOML
  std::string comment;  // may be empty
};

struct ConvertedConfig {
  std::vector<ConvertedKey> keys;    // in the order of keys.def
  std::vector<std::string> without;  // "num_ims = 5822653: the pictures are counted": no counterpart here
  std::vector<std::string> remarks;  // what else to know
};

// `own_file`: whose keys are the file's own; the others' lines are marked with the name of their file.
// Throws Error(kConfig), one line per problem "file:line: config.key: ...", for values of another type than
// our key takes.
ConvertedConfig convert_config(const PythonConfig& config, const std::string& own_file);

// The TOML file. `source` and `base` ("": none) are named in its first lines.
std::string converted_text(const ConvertedConfig& converted, const std::string& source,
                           const std::string& base);

}  // namespace facetrain
