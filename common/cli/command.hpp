// A program of subcommands: facetrain-data and facetrain-model are a table of these and one call.
#pragma once

#include <iosfwd>
#include <span>
#include <string_view>
#include <vector>

#include "common/cli/flags.hpp"

namespace facetrain {

struct Command {
  std::string_view name;
  std::string_view summary;  // one line
  std::vector<FlagSpec> flags;
  void (*run)(const Flags&, std::ostream&);  // results go to the stream; throws Error
};

// A program's whole main: finds the subcommand, answers --help, parses its flags and runs it. An error is one
// line on stderr. Returns the exit code.
int run_program(std::string_view program, std::span<const Command> commands, int argc, char** argv);

}  // namespace facetrain
