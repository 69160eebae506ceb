// What a job does, as its configuration says: it trains, or (facetrain embed) writes embeddings.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include "common/config/config.hpp"
#include "common/error.hpp"

namespace facetrain {

inline bool is_embedding(const Config& config) {
  return !config.embed.model_path.empty();
}

// <work_path>/<prefix>: where a run's log, checkpoints, models and list of bad pictures live.
inline std::string run_folder(const Config& config) {
  return config.run.work_path + "/" + config.run.prefix;
}

// The files of an embedding job, from its embed.destination, which ends in ".npy".
struct EmbeddingFiles {
  std::string features;  // (n, E) float32, a row per picture, in the source's order; NaN: an unusable picture
  std::string names;     // a line per row
  std::string unusable;  // "path<TAB>reason" lines; there only when a picture was unusable
};
inline EmbeddingFiles embedding_files(const std::string& destination) {
  const std::string stem = destination.substr(0, destination.size() - 4);
  return {destination, stem + ".txt", stem + ".bad_images.txt"};
}

// Throws Error(kConfig) when an embedding job would write one of its files over the list that it reads.
inline void refuse_overwritten_source(const Config& config) {
  const EmbeddingFiles files = embedding_files(config.embed.destination);
  for (const std::string& source : config.data.train_source)
    for (const std::string& written : {files.features, files.names, files.unusable}) {
      std::error_code absent;  // of either: then nothing is overwritten
      if (std::filesystem::equivalent(source, written, absent))
        throw Error(ErrorKind::kConfig, "--destination " + files.features + " would write " + written +
                                            " over the source " + source +
                                            "; give --destination another name");
    }
}

}  // namespace facetrain
