// A configuration as text: canonical TOML, its digest, and the reference of all keys.
#pragma once

#include <cstdint>
#include <string>

#include "common/config/config.hpp"

namespace facetrain {

enum class Comments { kNone, kMeanings };

// Canonical TOML: every key, in the order of keys.def; parse_config reads it back to an equal Config. With
// kMeanings each key's meaning and range stand above it as a comment.
std::string print_config(const Config& config, Comments comments = Comments::kNone);

// FNV-1a 64 over the canonical text without comments: equal exactly when every value is.
std::uint64_t config_digest(const Config& config);

// Markdown with a table of every key: name, type, allowed values, default, meaning. It is configs/README.md,
// byte for byte.
std::string config_reference();

}  // namespace facetrain
