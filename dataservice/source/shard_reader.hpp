// The samples of one WebDataset tar shard: members KEY.cls and KEY.jpg (or .jpeg, .png) side by side, in any
// order, with others between them that are passed over; KEY may have folders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataservice/source/random_file.hpp"
#include "dataservice/source/tar_file.hpp"

namespace facetrain {

struct TarSample {
  std::string key;           // with its folders
  std::uint64_t offset = 0;  // of the picture in the shard
  std::uint32_t size = 0;    // bytes of the picture
  std::uint32_t label = 0;
};

// Goes through a shard in steps of a member, so that one thread can go through some shards in turns
// (TarReader says why).
class ShardReader {
 public:
  // `shard` must live longer.
  explicit ShardReader(const RandomFile& shard) : shard_(&shard), tar_(shard) {}

  enum class Step { kMember, kSample, kEnd };
  // kSample: sample() is the next one. Throws Error(kInput): the shard is damaged, a sample is not whole, a
  // label is none.
  Step step();
  const TarSample& sample() const { return sample_; }

 private:
  bool close();

  const RandomFile* shard_;
  TarReader tar_;
  bool open_ = false;         // is a sample begun?
  std::string key_;           // of it
  FilePart picture_, label_;  // of it; empty ones are not there yet
  TarSample sample_;          // the last that was whole
};

// All of them, in order.
std::vector<TarSample> read_shard(const RandomFile& shard);

}  // namespace facetrain
