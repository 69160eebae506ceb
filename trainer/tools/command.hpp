// The subcommands of facetrain-model. Each is one file of this folder: its flags, and what it does with them.
#pragma once

#include "common/cli/command.hpp"

namespace facetrain {

Command verify_command();  // the reference's test.py
Command submit_command();  // the reference's get_submission_file.py
Command ijb_command();     // the parent's eval_ijb.py, without the network

}  // namespace facetrain
