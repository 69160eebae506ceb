// Golden: data sets that the reference's own tools wrote (tests/golden/record_sources.py), read as its own
// classes read them.
#include <doctest/doctest.h>
#include <lzma.h>

#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

#include "common/io/file.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/lmdb_source.hpp"
#include "dataservice/source/record_source.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "tests/temporary_folder.hpp"

namespace facetrain {
namespace {

const std::string kFolder = FACETRAIN_SOURCE_DIR "/tests/golden/data/sources/";

// expected.txt's lines of one kind: number, label, size, CRC-32.
void check_source(const Source& source, const std::string& kind) {
  std::ifstream file(kFolder + "expected.txt");
  std::string line;
  std::uint32_t i = 0;
  while (std::getline(file, line)) {
    if (!line.starts_with(kind + " ")) continue;
    REQUIRE(i < source.size());
    std::vector<std::byte> bytes;
    source.read(i, bytes);
    const auto crc = lzma_crc32(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), 0);
    CHECK(kind + " " + std::to_string(i) + " " + std::to_string(source.label(i)) + " " +
              std::to_string(bytes.size()) + " " + std::to_string(crc) ==
          line);
    ++i;
  }
  CHECK(i == source.size());
  CHECK(i == 6);
  CHECK(source.classes() == 3);
}

TEST_CASE("the LMDB of the parent's list2lmdb") {
  const LmdbSource source(kFolder + "faces.lmdb");
  check_source(source, "lmdb");
  CHECK(source.digest() == 0);
}

TEST_CASE("the tar shards and index of the parent's make_wds_shards") {
  const WebDatasetSource source(kFolder + "datasets_webdataset.json");
  check_source(source, "tar");
  CHECK(source.name(1).ends_with("/tar/faces-000000.tar:noise_420.jpg"));
}

TEST_CASE("train.rec as MXNet writes it (tests/golden/record_recordio.py)") {
  const std::string folder = FACETRAIN_SOURCE_DIR "/tests/golden/data/recordio/";
  for (const auto& [name, classes, pictures] : {std::tuple{"train", 3u, 6u}, std::tuple{"plain", 2u, 3u}}) {
    const RecordSource source(folder + name + ".rec");
    CHECK(source.classes() == classes);
    REQUIRE(source.size() == pictures);
    std::ifstream file(folder + "expected.txt");
    std::uint32_t i = 0;
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with(name)) continue;
      REQUIRE(i < source.size());
      std::vector<std::byte> bytes;
      source.read(i, bytes);
      const auto crc = lzma_crc32(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), 0);
      const std::string key = source.name(i).substr(source.name(i).rfind(':') + 1);
      CHECK(std::string(name) + " " + key + " " + std::to_string(source.label(i)) + " " +
                std::to_string(bytes.size()) + " " + std::to_string(crc) ==
            line);
      ++i;
    }
    CHECK(i == pictures);
  }
}

TEST_CASE("an ungrouped list: the reference's tool mixes the labels up, pack does not") {
  std::ifstream file(kFolder + "expected.txt");
  const test::TemporaryFolder folder;
  std::map<std::string, std::string> theirs;  // identity -> labels that the reference's tool gave
  std::string kind, number, label, identity, path, list;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    if (!(words >> kind >> number >> label >> identity >> path) || kind != "ungrouped") continue;
    theirs[identity] += label;
    std::filesystem::create_directories(folder / ("faces/" + identity));
    write_file_atomically(folder / path, path);
    list += (folder / path) + "\n";
  }
  CHECK(theirs["zoe"] == "01");
  CHECK(theirs["adam"] == "012");  // one person, three labels
  CHECK(theirs["bob"] == "1");
  write_file_atomically(folder / "list.txt", list);
  pack_lmdb(ListSource(folder / "list.txt"), folder / "faces.lmdb");
  const LmdbSource ours(folder / "faces.lmdb");
  REQUIRE(ours.size() == 6);
  const char* const names[] = {"adam", "bob", "zoe"};
  for (std::uint32_t i = 0; i < 6; ++i) {
    std::vector<std::byte> bytes;
    ours.read(i, bytes);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    CHECK(text.starts_with("faces/" + std::string(names[ours.label(i)]) + "/"));
  }
}

}  // namespace
}  // namespace facetrain
