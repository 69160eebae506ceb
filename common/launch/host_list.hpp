// The names of a job's nodes, as mpirun's hostfiles and Slurm's node lists write them.
#pragma once

#include <string>
#include <vector>

#include "common/launch/machine.hpp"

namespace facetrain {

// The hosts of a hostfile's text, in order, each once: the first word of each line that is no comment.
std::vector<std::string> hostfile_hosts(const std::string& text);

// The hosts of Slurm's compressed form (SLURM_JOB_NODELIST): "n[1-2,07],login" is n1, n2, n07, login. Empty
// when it cannot be read (several brackets in one name), as for lists longer than 100,000.
std::vector<std::string> expand_node_list(const std::string& list);

// The nodes of the job to be started: the hostfile's (none: ""), else those of the Slurm job that this
// process is in, else none. Throws Error(kConfig) for a hostfile that cannot be read or names no host.
std::vector<std::string> job_hosts(const std::string& hostfile, const Environment& environment);

}  // namespace facetrain
