// The one table of facetrain's subcommands: --help prints it, and a name is dispatched through it, like
// git's.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

struct Subcommand {
  std::string_view name;
  std::string_view program;  // the program beside facetrain that does it; empty: facetrain itself
  std::string_view meaning;
};

std::vector<Subcommand> subcommands();

std::string subcommand_help();

// The subcommand called `name`. Throws Error(kConfig) with a suggestion.
Subcommand find_subcommand(std::string_view name);

// The folder of the running program, from /proc/self/exe.
std::string program_folder();

// Becomes BIN/`program` with these arguments. Throws Error(kConfig) when it is not there.
[[noreturn]] void become(const std::string& bin, std::string_view program,
                         std::span<const std::string> arguments);

}  // namespace facetrain
