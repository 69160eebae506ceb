// The subcommands of facetrain-data. Each is one file of this folder: its flags, and what it does with them.
#pragma once

#include <iosfwd>
#include <span>
#include <string_view>
#include <vector>

#include "dataservice/tools/flags.hpp"

namespace facetrain {

struct Command {
  std::string_view name;
  std::string_view summary;  // one line
  std::vector<FlagSpec> flags;
  void (*run)(const Flags&, std::ostream&);  // results go to the stream; throws Error
};

Command list_command();
Command extract_command();
Command prepare_command();
Command synth_command();

}  // namespace facetrain
