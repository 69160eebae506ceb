// The subcommands of facetrain-data. Each is one file of this folder: its flags, and what it does with them.
#pragma once

#include "common/cli/command.hpp"

namespace facetrain {

Command list_command();
Command extract_command();
Command prepare_command();
Command synth_command();
Command align_command();
Command pack_command();
Command unpack_command();
Command check_command();

}  // namespace facetrain
