// A picture whose file or record is of a size that no picture has is refused, by every kind of source, before
// it is given memory. The files here are sparse.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "dataservice/decode/limits.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/picture_list.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tar_fixture.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::ListedPictures;

constexpr std::uint64_t kTooMuch = kMaxEncodedPicture + 1;

void refuses(const Source& source, std::uint32_t i) {
  std::vector<std::byte> buffer;
  try {
    source.read(i, buffer);
    FAIL("it was read");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInput);
    test::has(error.what(), "bytes is refused");
  }
  CHECK(buffer.capacity() < 1 << 20);
}

TEST_CASE("a list and an embedding job's list") {
  const ListedPictures files(1, [](std::uint32_t) { return 100; });
  fs::resize_file(PictureList(files.list()).name(0), kTooMuch);
  refuses(ListSource(files.list()), 0);
  refuses(PictureList(files.list()), 0);
}

TEST_CASE("tar shards") {
  const test::TemporaryFolder folder;
  std::string tar = test::tar_of({{"a.cls", "0"}});
  tar.resize(1024);
  write_file_atomically(folder / "s.tar", tar + tar_header("a.jpg", kTooMuch));
  fs::resize_file(folder / "s.tar", 1536 + kTooMuch);
  write_file_atomically(folder / "i.json",
                        "{\"wids_version\": 1, \"shardlist\": [{\"url\": \"s.tar\", \"nsamples\": 1}]}");
  refuses(*open_source(folder / "i.json").source, 0);
}

TEST_CASE("RecordIO, whole and in parts") {
  const test::TemporaryFolder folder;
  const auto part = [](std::uint32_t kind, std::uint64_t length) {
    const std::uint32_t words[] = {0xced7230a, kind << 29 | static_cast<std::uint32_t>(length)};
    std::string bytes(sizeof words, '\0');
    std::memcpy(bytes.data(), words, sizeof words);
    return bytes;
  };
  const std::uint64_t half = kMaxEncodedPicture / 2;
  write_file_atomically(folder / "w.rec", part(0, kTooMuch));
  fs::resize_file(folder / "w.rec", 8 + kTooMuch);
  write_file_atomically(folder / "w.idx", "1\t0\n");
  refuses(*open_source(folder / "w.rec").source, 0);

  write_file_atomically(folder / "p.rec", part(1, half));
  fs::resize_file(folder / "p.rec", 8 + half);
  std::ofstream(folder / "p.rec", std::ios::binary | std::ios::app) << part(3, half);
  fs::resize_file(folder / "p.rec", 16 + 2 * half);
  write_file_atomically(folder / "p.idx", "1\t0\n");
  CHECK_THROWS_WITH_AS(open_source(folder / "p.rec"), doctest::Contains("bytes is refused"), Error);
}

TEST_CASE("LMDB") {
  const ListedPictures files(1, [](std::uint32_t) { return 70'000; });
  const std::string path = files.folder / "faces.lmdb";
  pack_lmdb(ListSource(files.list()), path);
  std::vector<std::byte> bytes = read_file(path);
  int records = 0;
  for (std::size_t at = 0; at + 9 < bytes.size(); ++at) {  // of key "0": its size, big data, 1 byte of key
    std::uint32_t size = 0;
    std::memcpy(&size, &bytes[at], 4);
    if (size < 70'000 || size > 70'020 || std::memcmp(&bytes[at + 4], "\1\0\1\0000", 5) != 0) continue;
    size = static_cast<std::uint32_t>(kTooMuch);
    std::memcpy(&bytes[at], &size, 4);
    ++records;
  }
  REQUIRE(records >= 1);
  write_file_atomically(path, bytes);
  fs::resize_file(path, 2 * kTooMuch);
  refuses(*open_source(path).source, 0);
}

}  // namespace
}  // namespace facetrain
