#include "common/migrate/convert_command.hpp"

#include <array>
#include <ostream>
#include <vector>

#include "common/cli/flags.hpp"
#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/migrate/convert_config.hpp"

namespace facetrain {

void convert_config_command(std::span<const std::string> words, std::ostream& out) {
  const std::array<FlagSpec, 3> specs{{
      {{"FILE.py"},
       "",
       "configuration of the reference or its parent; it is read as data, not executed",
       true},
      {{"--output", "-o"}, "FILE.toml", "where the TOML goes (default: the standard output)"},
      {{"--base"}, "BASE.py", "its defaults (default: base.py of its folder configs; \"\": none)"},
  }};
  for (const std::string& word : words) {
    if (word != "--help" && word != "-h") continue;
    out << "facetrain convert-config: turn a Python configuration of the reference into TOML\n"
        << describe_flags(specs);
    return;
  }
  const Flags flags = parse_flags("convert-config", specs, words);
  const std::string source = flags.text("FILE.py");
  const std::string base = flags.has("--base") ? flags.text("--base") : base_of(source);
  const std::string text =
      converted_text(convert_config(load_python_config(source, base), source), source, base);
  const std::string target = flags.text("--output");
  if (target.empty())
    out << text;
  else
    write_file_atomically(target, text);
  parse_config(text, target.empty() ? "the TOML above" : target);
  if (!target.empty()) out << target << "\n";
}

}  // namespace facetrain
