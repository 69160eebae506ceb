// `facetrain embed`: the embeddings of a list or folder of pictures, as a job like a training run.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace facetrain {

// bin: the folder of the programs. Returns the job's exit code. Throws Error(kConfig) for the command line,
// Error(kInput) for weights or a source that are not there.
int embed_command(std::span<const std::string> words, const std::string& bin);

// A .npy for each row of `features` (n, E) float32 in `folder`: <folder of the picture>/<its name without
// ending>.npy, with the names of the rows taken from `names`, as the parent's feature_extractor.py lays them
// out. Rows that are NaN are left out. Returns how many were written. Throws Error(kInput) when two pictures
// would share a file, or the two files do not belong together; Error(kIo) for writing.
std::uint64_t write_per_image(const std::string& features, const std::string& names,
                              const std::string& folder);

}  // namespace facetrain
