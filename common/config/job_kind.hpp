// What a job does, as its configuration says: it trains, or (facetrain embed) writes embeddings.
#pragma once

#include <string>

#include "common/config/config.hpp"

namespace facetrain {

inline bool is_embedding(const Config& config) {
  return !config.embed.model_path.empty();
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

}  // namespace facetrain
