// Makes one ready row of a batch: read, decode, augment into the slot - and, when a picture is bad, a
// stand-in for it that depends on nothing but the data set and the place in the epoch. One per worker thread:
// it owns decoder and scratch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/plan/sample_plan.hpp"
#include "dataservice/augment/augmenter.hpp"
#include "dataservice/decode/decoder.hpp"
#include "dataservice/serve/bad_pictures.hpp"
#include "dataservice/serve/read_watch.hpp"
#include "dataservice/source/identity_index.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

// The samples to try in turn for a place in the epoch: the planned one; when that is bad another of its
// identity (drawn by (seed, epoch, position)), then the identity's others; then the samples that follow in
// the epoch's order. Pure. attempt 0 is the plan's. nullopt: nothing is left to try.
std::optional<std::uint32_t> stand_in(const Source& source, const IdentityIndex& identities,
                                      const EpochOrder& order, std::uint64_t seed, std::uint32_t epoch,
                                      std::uint64_t position, std::uint32_t attempt);

class RowFiller {
 public:
  struct Row {
    std::int64_t label = 0;
    std::int64_t id = 0;  // or what common/ipc/row_id.hpp says
  };

  // reads: told what this worker reads, if given.
  RowFiller(const Config& config, Dtype dtype, const Source& source, const IdentityIndex& identities,
            BadPictures& bad, ReadWatch::Worker* reads = nullptr);

  // row: height x width x 3 elements of `dtype`. In an embedding job a picture has no stand-in: the row of an
  // unusable one, and one past the plan's end, becomes zeros. Throws Error(kInput) when there are too many
  // bad pictures, and what a source throws when storage fails: that is no picture's fault.
  Row fill(const EpochOrder& order, std::uint32_t epoch, std::uint64_t position, std::span<std::byte> row);

 private:
  void decode(std::uint32_t id);
  void note_bad(std::uint32_t id, const std::string& reason, std::optional<std::uint32_t> epoch);
  Row fill_once(const EpochOrder& order, std::uint64_t position, std::span<std::byte> row);

  bool stand_ins_;
  std::uint64_t seed_;
  const Source& source_;
  const IdentityIndex& identities_;
  BadPictures& bad_;
  ReadWatch::Worker* reads_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Augmenter> augmenter_;
  std::vector<std::byte> bytes_;
  Image image_;
};

}  // namespace facetrain
