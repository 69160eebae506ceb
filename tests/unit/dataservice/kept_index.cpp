// The index that is kept of a packed source: used when it fits, and never believed. The sources are those
// that the reference's own tools wrote.
#include "dataservice/source/kept_index.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "dataservice/source/lmdb_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/record_source.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "tests/file_text.hpp"
#include "tests/packed_fixture.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::same_pictures;

struct Opened {
  std::unique_ptr<Source> source;
  std::vector<std::string> warnings;
};

template <class Kind>
Opened open_as(const std::string& path, std::uint32_t keep_from) {
  auto source = std::make_unique<Kind>(path, keep_from);
  auto warnings = source->warnings();
  return {std::move(source), std::move(warnings)};
}

struct PackedKind {
  const char* path;   // below the folder of golden data
  const char* opens;  // what is gone through at opening, and may be changed
  Opened (*open)(const std::string& path, std::uint32_t keep_from);
};
constexpr PackedKind kKinds[] = {
    {"sources/faces.lmdb", "sources/faces.lmdb", open_as<LmdbSource>},
    {"sources/datasets_webdataset.json", "sources/tar/faces-000001.tar", open_as<WebDatasetSource>},
    {"recordio/train.rec", "recordio/train.idx", open_as<RecordSource>},
    {"recordio/plain.rec", "recordio/plain.rec", open_as<RecordSource>},
};

// Copies of the golden data, and a cache of its own.
struct Data {
  Data() {
    fs::copy(FACETRAIN_SOURCE_DIR "/tests/golden/data/sources", folder / "sources",
             fs::copy_options::recursive);
    fs::copy(FACETRAIN_SOURCE_DIR "/tests/golden/data/recordio", folder / "recordio");
    setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
  }
  std::uint64_t cached() const {
    std::error_code none;
    return static_cast<std::uint64_t>(
        std::distance(fs::directory_iterator(folder / "cache/facetrain", none), {}));
  }
  test::TemporaryFolder folder;
};

bool has(const Opened& opened, const std::string& part) {
  return opened.warnings.size() == 1 && opened.warnings[0].find(part) != std::string::npos;
}

TEST_CASE("a source opens from its index as from its files, and only large ones get one") {
  const Data data;
  for (const PackedKind& kind : kKinds) {
    const std::string path = data.folder / kind.path, index = path + ".facetrain-index";
    CAPTURE(path);
    const Opened plain = kind.open(path, 7);
    CHECK(plain.warnings.empty());
    CHECK_FALSE(fs::exists(index));
    CHECK(kind.open(path, 1).warnings.empty());
    REQUIRE(fs::exists(index));
    const auto made = fs::last_write_time(index);
    const Opened quick = kind.open(path, 1);
    CHECK(quick.warnings.empty());
    CHECK(same_pictures(*plain.source, *quick.source));
    bool same = true;
    for (std::uint32_t i = 0; i < plain.source->size(); ++i)
      same = same && plain.source->name(i) == quick.source->name(i);
    CHECK(same);
    CHECK(fs::last_write_time(index) == made);
  }
  CHECK(WebDatasetSource(data.folder / kKinds[1].path, 7).folders() ==
        WebDatasetSource(data.folder / kKinds[1].path, 7).folders());
  CHECK(data.cached() == 0);
  // It is the index that is read: a file whose labels were changed behind its back opens with the old ones.
  const std::string records = data.folder / "recordio/plain.rec";
  const auto when = fs::last_write_time(records);
  std::string bytes = test::file_text(records);
  bytes[0] = 'x';  // no record begins here
  std::ofstream(records, std::ios::binary) << bytes;
  CHECK_THROWS_AS(RecordSource(records, 1), Error);
  fs::last_write_time(records, when);
  CHECK(RecordSource(records, 1).size() == 3);
}

TEST_CASE("a changed file is noticed, and the index made anew") {
  const Data data;
  for (const PackedKind& kind : kKinds) {
    const std::string path = data.folder / kind.path, file = data.folder / kind.opens;
    CAPTURE(path);
    kind.open(path, 1);
    fs::last_write_time(file, fs::last_write_time(file) + std::chrono::nanoseconds(1000));
    CHECK(has(kind.open(path, 1), "is of other files than are there now: not used"));
    CHECK(kind.open(path, 1).warnings.empty());
    // A move is no change.
    fs::rename(fs::path(path).parent_path(), data.folder / "moved");
    CHECK(kind.open(data.folder / "moved" / fs::path(path).filename(), 1).warnings.empty());
    fs::rename(data.folder / "moved", fs::path(path).parent_path());
  }
  // An index of another kind, under this one's name.
  const std::string records = data.folder / kKinds[2].path, lmdb = data.folder / kKinds[0].path;
  fs::copy_file(records + ".facetrain-index", lmdb + ".facetrain-index",
                fs::copy_options::overwrite_existing);
  CHECK(has(open_as<LmdbSource>(lmdb, 1), "is of other files"));
}

TEST_CASE("a file that changes while it is gone through gets no index") {
  const Data data;
  const std::string path = data.folder / "recordio/train.rec";
  std::vector<std::uint32_t> values = {1, 2, 3};
  const IndexPart parts[] = {IndexPart(values)};
  KeptIndex index(path, "test 1", {path});
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));
  index.keep(parts);
  CHECK_FALSE(fs::exists(path + ".facetrain-index"));
  KeptIndex(path, "test 1", {path}).keep(parts);
  CHECK(fs::exists(path + ".facetrain-index"));
}

TEST_CASE("an index cut off anywhere, or with any byte changed, is refused and made anew") {
  const Data data;
  for (const PackedKind& kind : kKinds) {
    const std::string path = data.folder / kind.path, index = path + ".facetrain-index";
    CAPTURE(path);
    const Opened plain = kind.open(path, 1);
    const std::string good = test::file_text(index);
    const auto refused = [&](const std::string& bytes) {
      std::ofstream(index, std::ios::binary | std::ios::trunc) << bytes;
      const Opened opened = kind.open(path, 1);
      return opened.warnings.size() == 1 && same_pictures(*opened.source, *plain.source) &&
             test::file_text(index) == good;
    };
    std::size_t not_refused = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
      not_refused += refused(bad) ? 0 : 1;
      if (at % 8 == 0) not_refused += refused(good.substr(0, at)) ? 0 : 1;
    }
    CHECK(not_refused == 0);
    CHECK(refused(good + "more"));
    CHECK_FALSE(refused(good));
  }
}

TEST_CASE("an index with a right checksum that speaks of bytes beyond the files is refused") {
  const Data data;
  const std::string path = data.folder / "recordio/plain.rec", file = data.folder / "recordio/plain.idx";
  const RecordSource plain(path, 7);
  std::vector<std::uint64_t> numbers = {0, 2}, keys;
  struct Image {
    std::uint32_t low = 0, high = 0, label = 0;
  };
  std::vector<Image> images = {{0, 1, 0}, {0, 0, 0}};  // the first at 4 GiB
  const IndexPart parts[] = {IndexPart(numbers), IndexPart(images), IndexPart(keys)};
  const auto keep = [&] { KeptIndex(path, "RecordIO 1", {path, file}).keep(parts); };
  keep();
  const Opened opened = open_as<RecordSource>(path, 7);
  CHECK(has(opened, "does not fit the files: not used"));
  CHECK(same_pictures(*opened.source, plain));
  images[0].high = 0;
  keep();
  CHECK(RecordSource(path, 7).size() == 2);  // that it was the place and nothing else
}

TEST_CASE("an index that another user put beside the data is refused") {
  if (geteuid() != 0) return;  // only root can make one
  const Data data;
  const std::string path = data.folder / "sources/faces.lmdb", index = path + ".facetrain-index";
  open_as<LmdbSource>(path, 1);
  REQUIRE(chown(index.c_str(), 12345, 12345) == 0);
  CHECK(has(open_as<LmdbSource>(path, 1), "belongs to another user than the data: not used"));
  CHECK(open_as<LmdbSource>(path, 1).warnings.empty());
  REQUIRE(chown(index.c_str(), 12345, 12345) == 0);
  REQUIRE(chown(path.c_str(), 12345, 12345) == 0);
  CHECK(open_as<LmdbSource>(path, 1).warnings.empty());
}

TEST_CASE("where the folder takes no file, the index is in the cache; without either a warning") {
  const Data data;
  const std::string path = data.folder / "sources/faces.lmdb", index = path + ".facetrain-index";
  fs::create_directories(index + "/x");  // as good as a folder that may not be written, also for root
  CHECK(open_as<LmdbSource>(path, 1).warnings.empty());
  REQUIRE(data.cached() == 1);
  const fs::path cached = fs::directory_iterator(data.folder / "cache/facetrain")->path();
  const auto made = fs::last_write_time(cached);
  CHECK(open_as<LmdbSource>(path, 1).warnings.empty());
  CHECK(fs::last_write_time(cached) == made);
  fs::resize_file(cached, 20);
  CHECK(has(open_as<LmdbSource>(path, 1), "is damaged: not used"));
  CHECK(open_as<LmdbSource>(path, 1).warnings.empty());
  write_file_atomically(data.folder / "file", "x");
  setenv("XDG_CACHE_HOME", (data.folder / "file").c_str(), 1);
  const Opened without = open_as<LmdbSource>(path, 1);
  CHECK_MESSAGE(has(without, "cannot be kept"), without.warnings.size());
  CHECK(without.source->size() == 6);
}

}  // namespace
}  // namespace facetrain
