// Reading configurations: TOML files with `base`, command-line overrides, and every problem reported at once.
//
// All errors are Error(kConfig) whose text has one line per problem: "file:line:column: ..." or "--set
// train.lr=x: ...".
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/config/config.hpp"
#include "common/config/print.hpp"

namespace facetrain {

// Reads `path`, first the file that its `base = "other.toml"` names (relative to it, and so on), then `sets`
// ("table.key=value"; the value is TOML, or a bare word for a text), checks every value and how they fit
// together.
Config load_config(const std::string& path, std::span<const std::string> sets = {});

// As load_config, without files: `text` must not have a base. `name` stands for the file in messages.
Config parse_config(std::string_view text, const std::string& name);

// print_config(load_config(path, sets)): the bytes that world rank 0 broadcasts and every process parses.
std::string resolve_config(const std::string& path, std::span<const std::string> sets = {});

}  // namespace facetrain
