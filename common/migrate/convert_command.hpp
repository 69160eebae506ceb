// `facetrain convert-config`: a Python configuration of the reference or its parent becomes a TOML file.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace facetrain {

// convert-config FILE.py [-o FILE.toml] [--base BASE.py]. Without -o the text goes to `out`. Throws
// Error(kConfig) for syntax that is not read as data and for values of another type (then nothing is
// written), and, after writing, for values that load_config refuses; Error(kInput) and Error(kIo) for files.
void convert_config_command(std::span<const std::string> words, std::ostream& out);

}  // namespace facetrain
