// The index of WebDataset shards as the `wids` package reads it and the parent's
// utils/imagelist2webdataset.py writes it:
// {"wids_version": 1, "shardlist": [{"url": PATH, "nsamples": N}, ...]}. `facetrain pack` adds "classes" and
// "facetrain_digest".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace facetrain {

struct WidsIndex {
  struct Shard {
    std::string path;  // when read: relative ones begin at the index's folder
    std::uint32_t samples = 0;
  };
  std::vector<Shard> shards;
  std::uint32_t classes = 0;  // 0: not told
  std::uint64_t digest = 0;   // of the source it was packed from; 0: another tool wrote it
};

// Throws Error(kInput): no JSON, not such an index, shards that are not local files.
WidsIndex read_wids_index(const std::string& path);

std::string format_wids_index(const WidsIndex& index);

}  // namespace facetrain
