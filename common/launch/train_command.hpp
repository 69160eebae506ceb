// `facetrain train`: checks what can be checked before anything starts, composes the mpirun line, prints and
// runs it.
#pragma once

#include <span>
#include <string>

namespace facetrain {

// bin: the folder of the programs. Returns the exit code of the job. Throws Error(kConfig) for the
// configuration, the command line or a missing program, Error(kInput) for the training list.
int train_command(std::span<const std::string> words, const std::string& bin);

// Throws Error(kConfig) unless dataservice and trainer are in `bin` and mpirun is on PATH.
void require_programs(const std::string& bin);

// Throws Error(kInput) unless `path` is a readable file with at least one entry, or a folder that is not
// empty.
void require_training_list(const std::string& path);

}  // namespace facetrain
