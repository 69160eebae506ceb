#include "common/config/print.hpp"

#include "common/config/schema.hpp"
#include "common/fnv.hpp"

namespace facetrain {

std::string print_config(const Config& config, Comments comments) {
  Config copy = config;  // the schema's accessors need a mutable one
  std::string text;
  for (const TableSchema& table : config_schema()) {
    if (!text.empty()) text += "\n";
    if (comments == Comments::kMeanings) text += "# " + std::string(table.meaning) + "\n";
    text += "[" + std::string(table.name) + "]\n";
    for (const KeySchema& key : table.keys) {
      if (comments == Comments::kMeanings) {
        const std::string allowed = key.check.allowed();
        text += "# " + std::string(key.meaning) + (allowed.empty() ? "" : " [" + allowed + "]") + "\n";
      }
      text += std::string(key.name) + " = " + value_text(key.field(copy)) + "\n";
    }
  }
  return text;
}

std::uint64_t config_digest(const Config& config) {
  return fnv1a_64(print_config(config));
}

std::string config_reference() {
  Config defaults;
  std::string text =
      "# Configuration reference\n\n"
      "Made by `facetrain config --reference`; do not edit. A configuration is a TOML file; every key is "
      "optional.\n"
      "`base = \"other.toml\"` at the top takes the values of another file (a path relative to this one) "
      "first.\n"
      "`--set table.key=value` on the command line wins over the files. A list key also takes a single "
      "value.\n"
      "Paths in values are relative to the folder in which facetrain is started.\n"
      "`facetrain config FILE` prints the resolved configuration.\n";
  for (const TableSchema& table : config_schema()) {
    text += "\n## [" + std::string(table.name) + "]\n\n" + std::string(table.meaning) +
            ".\n\n| Key | Type | Allowed | Default | Meaning |\n|---|---|---|---|---|\n";
    for (const KeySchema& key : table.keys) {
      const std::string allowed = key.check.allowed();
      text += "| `" + std::string(key.name) + "` | " + std::string(name_of(key.type)) + " | " +
              (allowed.empty() ? "any" : allowed) + " | `" + value_text(key.field(defaults)) + "` | " +
              std::string(key.meaning) + " |\n";
    }
  }
  return text;
}

}  // namespace facetrain
