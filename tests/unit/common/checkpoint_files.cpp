// A rank's file of tensors: ranges are read back, damage is found; and which ranges a rank reads of another
// world's.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/checkpoint/rank_file.hpp"
#include "common/checkpoint/reshard.hpp"
#include "common/error.hpp"
#include "common/io/crc32c.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

using namespace facetrain;
using facetrain::test::error_of;

namespace {

std::vector<std::byte> noise(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::uint32_t state = 1;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((state = state * 1664525u + 1013904223u) >> 24);
  return bytes;
}

struct Example {
  test::TemporaryFolder folder;
  std::string path = folder / "rank_00000.bin";
  std::vector<std::byte> bytes = noise(2 * kChecksumBlock + 1000);
  SavedFile saved;
  Example() { saved = {bytes.size(), write_rank_file(path, bytes), {}}; }

  std::vector<std::byte> read(std::uint64_t offset, std::size_t size) {
    RankFile file(path, saved);
    std::vector<std::byte> out(size);
    file.read(offset, out);
    return out;
  }
  void flip(std::uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ 4));
  }
};

}  // namespace

TEST_CASE("CRC-32C, whole and in pieces") {
  CHECK(crc32c("123456789") == 0xE3069283u);
  const auto bytes = noise(1000);
  const std::span<const std::byte> all(bytes);
  for (const std::size_t cut : {0u, 1u, 7u, 8u, 500u, 999u, 1000u})
    CHECK(crc32c(all.subspan(cut), crc32c(all.first(cut))) == crc32c(all));
}

TEST_CASE("a written file is verified, all of its blocks") {
  Example example;
  RankFile(example.path, example.saved).verify();
  for (const std::uint64_t at : {std::uint64_t{0}, kChecksumBlock + 17, 2 * kChecksumBlock + 999}) {
    Example damaged;
    damaged.flip(at);
    CHECK(error_of<Error>([&] {
            RankFile(damaged.path, damaged.saved).verify();
          }).find("is damaged: bytes ") != std::string::npos);
  }
}

TEST_CASE("any range of a file is read back, across its blocks") {
  Example example;
  CHECK(example.saved.checksums.size() == 3);
  RankFile file(example.path, example.saved);
  const std::uint64_t size = example.bytes.size();
  for (const std::uint64_t begin :
       {std::uint64_t{0}, kChecksumBlock - 1, kChecksumBlock, size - 1, std::uint64_t{5}})
    for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1}, kChecksumBlock + 2, size}) {
      std::vector<std::byte> out(std::min(count, size - begin));
      file.read(begin, out);
      CHECK((out.empty() || std::memcmp(out.data(), example.bytes.data() + begin, out.size()) == 0));
    }
}

TEST_CASE("a bit turned over is found by whoever reads its block, and named") {
  Example example;
  example.flip(kChecksumBlock + 77);
  CHECK(error_of<Error>([&] { example.read(kChecksumBlock, 1); }) ==
        example.path + " is damaged: bytes 4194304 to 8388607 have a wrong checksum");
  CHECK(example.read(0, 10).size() == 10);
  CHECK(example.read(2 * kChecksumBlock, 10).size() == 10);
}

TEST_CASE("a file that is cut off, longer, or gone is refused before it is read") {
  Example example;
  std::filesystem::resize_file(example.path, example.bytes.size() - 1);
  CHECK(error_of<Error>([&] { example.read(0, 1); }) ==
        example.path + " has 8389607 bytes, not 8389608: it was cut off");
  std::filesystem::resize_file(example.path, example.bytes.size() + 1);
  CHECK(!error_of<Error>([&] { example.read(0, 1); }).empty());
  std::filesystem::remove(example.path);
  CHECK(error_of<Error>([&] { example.read(0, 1); }) ==
        "open " + example.path + ": No such file or directory");
}

TEST_CASE("a folder that is not there is not made") {  // full disks: fault_14 to 17
  Example example;
  CHECK(!error_of<Error>([&] { write_rank_file(example.folder / "nowhere/x", example.bytes); }).empty());
  CHECK(!std::filesystem::exists(example.folder / "nowhere"));
}

TEST_CASE("every class's row comes from the rank that had it, from any world to any other") {
  for (const std::int64_t classes : {0, 1, 2, 7, 8, 100})
    for (int before = 1; before <= 5; ++before)
      for (int after = 1; after <= 5; ++after) {
        std::map<std::int64_t, std::pair<int, std::int64_t>> where;  // of each class: rank, row
        for (int rank = 0; rank < before; ++rank) {
          const ClassShard shard = class_shard(classes, rank, before);
          for (std::int64_t row = 0; row < shard.count; ++row) where[shard.first + row] = {rank, row};
        }
        std::int64_t read = 0;
        for (int rank = 0; rank < after; ++rank) {
          const ClassShard mine = class_shard(classes, rank, after);
          std::int64_t filled = 0;
          for (const RowRange& range : rows_to_read(classes, before, mine)) {
            CHECK(range.place == filled);
            CHECK(range.count > 0);
            for (std::int64_t k = 0; k < range.count; ++k)
              CHECK(where.at(mine.first + range.place + k) == std::pair{range.file, range.first + k});
            filled += range.count;
          }
          CHECK(filled == mine.count);
          read += filled;
        }
        CHECK(read == classes);
      }
  CHECK(rows_to_read(100, 4, class_shard(100, 1, 4)).size() == 1);
}
