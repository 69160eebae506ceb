// `facetrain pack`: a source becomes one file or a few, in an order and with labels that are the source's
// own.
//   - The result appears under its name complete, read back and compared, or not at all.
//   - A run that was cut short is continued by the next one with the same source (FILE.packing tells).
//   - A result that is already there is recognised; one of another source is never overwritten, nor are tar
//     shards that no such run began.
#pragma once

#include <cstdint>
#include <string>

#include "dataservice/source/kept_index.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

struct PackLimits {
  std::uint32_t shard = 10'000;                     // pictures in a tar shard
  std::uint32_t block = 256;                        // pictures read in parallel at a time
  std::uint64_t commit = std::uint64_t{128} << 20;  // bytes after which LMDB is synced to the disk
  std::uint32_t keep_from = KeptIndex::kLeast;      // pictures from which on tar shards get a kept index
};

struct PackReport {
  std::uint32_t continued_at = 0;  // pictures that an earlier run had written
  bool was_there = false;          // nothing had to be done
};

// Names and labels of a source, in order: 64 bits by which a run knows its own unfinished work. Contents are
// not in it.
std::uint64_t source_digest(const Source& source);

// FILE.lmdb in the reference's layout. Throws Error(kInput): a picture cannot be read or is empty, FILE.lmdb
// is something else; Error(kIo): writing failed, or what was written reads back otherwise.
PackReport pack_lmdb(const Source& source, const std::string& file, const PackLimits& limits = {});

// INDEX.json (wids_index.hpp), INDEX-000000.tar ... and dataset_info.txt beside it; of many pictures also the
// index that opening them would keep (kept_index.hpp). Throws as pack_lmdb does.
PackReport pack_webdataset(const Source& source, const std::string& index, const PackLimits& limits = {});

}  // namespace facetrain
