// A configuration of the reference or its parent (configs/*.py), read as data: nothing of it is executed.
//
// What is read: `from easydict import EasyDict`, `import math`, `from configs.base import config`,
// `config = EasyDict()`, and assignments `config.key = VALUE` or `name = VALUE`. A VALUE is made of numbers,
// texts, True, False, None, lists and tuples, earlier keys and names, + - * / // % ** and the functions of
// python_call(). Everything else is refused with its place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/migrate/python_value.hpp"

namespace facetrain {

struct PythonEntry {
  std::string key;
  PythonValue value;
  std::string file;  // as it was named
  int line = 0;
};

// In the order of first assignment; a later assignment has replaced the value and place of an earlier one.
using PythonConfig = std::vector<PythonEntry>;

const PythonEntry* find_entry(const PythonConfig& config, std::string_view key);
void assign(PythonConfig& config, PythonEntry entry);

// `base` is what `from configs.base import config` means there. Throws Error(kConfig) "file:line: ...".
PythonConfig parse_python_config(std::string_view text, const std::string& name, const PythonConfig& base);

// `base` with the values of `own` over it, as the reference's get_config(): cfg.update(job_cfg)
// (utils/get_configs.py:29-33).
PythonConfig merged(const PythonConfig& base, const PythonConfig& own);

// The file with the defaults that get_config() takes beside it: base.py of the nearest folder called configs
// on the way up, else of the file's own folder; "" when there is none, and for base.py itself.
std::string base_of(const std::string& path);

// Reads `path` over the defaults in `base_path` ("": none). Throws Error(kConfig), Error(kInput) for a file
// that cannot be read.
PythonConfig load_python_config(const std::string& path, const std::string& base_path);

}  // namespace facetrain
