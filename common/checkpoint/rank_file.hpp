// One rank's file of raw tensors in a checkpoint: written through CheckedFile, with a CRC-32C for each
// kChecksumBlock bytes, which reading verifies, so that a range of a large file is read without the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/checkpoint/manifest.hpp"
#include "common/ipc/fd.hpp"

namespace facetrain {

// Writes and syncs the file and reads it back from the disk; returns SavedFile::checksums. Throws Error(kIo)
// when writing fails, Error(kInput) when other bytes came back.
std::vector<std::uint32_t> write_rank_file(const std::string& path, std::span<const std::byte> bytes);

class RankFile {
 public:
  // Throws Error(kInput) when the file is not there or not of the size that `saved` says, Error(kIo) when the
  // storage does not answer.
  RankFile(std::string path, const SavedFile& saved);

  // Fills `out` from `offset` on, a place inside the file. Fast for offsets that ascend. Throws Error(kInput)
  // naming the place when a checksum is wrong, Error(kIo) when reading fails.
  void read(std::uint64_t offset, std::span<std::byte> out);
  // Reads all of the file, from the disk where the system lets it be asked. Throws as read().
  void verify();

 private:
  void load(std::uint64_t block);

  std::string path_;
  const SavedFile& saved_;
  Fd fd_;
  std::vector<std::byte> block_;  // the last one read
  std::uint64_t number_;          // of it; as many as there are: none yet
};

}  // namespace facetrain
