// `facetrain pack` to WebDataset tar shards.
#include <doctest/doctest.h>

#include "dataservice/pack/pack.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::has;
using test::ListedPictures;
using test::picture_of;
using test::same_from_threads;
using test::same_pictures;

TEST_CASE("a packed list gives the list's pictures, labels and order") {
  const ListedPictures files(200, [](std::uint32_t i) { return 1 + i * 30; });
  const ListSource list(files.list());
  const std::string path = files.folder / "out/faces.json";
  const PackReport report = pack_webdataset(list, path, {.shard = 64});
  CHECK(report.continued_at == 0);
  CHECK(!report.was_there);
  for (const char* name : {"faces-000000.tar", "faces-000003.tar", "dataset_info.txt"})
    CHECK(fs::exists(files.folder / (std::string("out/") + name)));
  CHECK(std::distance(fs::directory_iterator(files.folder / "out"), {}) == 6);
  const WebDatasetSource packed(path);
  CHECK(packed.classes() == 3);
  CHECK(same_pictures(list, packed));
  CHECK(same_from_threads(list, packed));
  CHECK(packed.folders() == std::vector<std::string>{"a", "b", "c"});
  CHECK(packed.name(64) == files.folder / "out/faces-000001.tar" + ":a/00000064.jpg");
  // Moved elsewhere it is the same: the index's paths are relative to it.
  fs::rename(files.folder / "out", files.folder / "moved");
  Config config;
  config.data.train_source = {files.folder / "moved/faces.json"};
  CHECK(same_pictures(*make_source(config).source, list));

  CHECK(pack_webdataset(list, files.folder / "moved/faces.json").was_there);
  write_file_atomically(files.folder / "other.txt", list.name(7) + "\n");
  const ListSource other(files.folder / "other.txt");
  CHECK(has(error_of<Error>([&] { pack_webdataset(other, files.folder / "moved/faces.json"); }),
            "holds something else"));
  CHECK(has(error_of<Error>([&] { pack_webdataset(other, files.folder / "moved/other.json"); }),
            "tells of other data"));
}

TEST_CASE("shards of many pictures are packed with the index that opening them would keep") {
  const ListedPictures files(30, [](std::uint32_t i) { return 100 + i; });
  const ListSource list(files.list());
  pack_webdataset(list, files.folder / "few.json", {.keep_from = 31});
  CHECK(!fs::exists(files.folder / "few.json.facetrain-index"));
  pack_webdataset(list, files.folder / "many.json", {.keep_from = 30});
  const std::string index = files.folder / "many.json.facetrain-index";
  REQUIRE(fs::exists(index));
  const auto made = fs::last_write_time(index);
  const WebDatasetSource packed(files.folder / "many.json", 30);
  CHECK(packed.warnings().empty());
  CHECK(same_pictures(list, packed));
  CHECK(fs::last_write_time(index) == made);
}

TEST_CASE("a run that fails is continued; shards that are damaged are written again") {
  const ListedPictures files(100, [](std::uint32_t i) { return 100 + i; });
  const ListSource list(files.list());
  const std::string path = files.folder / "out/faces.json", late = list.name(95),
                    bytes = picture_of(list, 95);
  fs::remove(late);
  CHECK(error_of<Error>([&] { pack_webdataset(list, path, {.shard = 20}); }) ==
        "open " + late + ": No such file or directory");
  CHECK(!fs::exists(path));
  CHECK(!fs::exists(files.folder / "out/faces-000004.tar"));
  write_file_atomically(late, bytes);
  for (int k = 0; k < 4; ++k)
    REQUIRE(fs::exists(files.folder / ("out/faces-00000" + std::to_string(k) + ".tar")));
  std::string third(20'000, '\0');
  std::ifstream(files.folder / "out/faces-000002.tar").read(third.data(), 5'000);
  write_file_atomically(files.folder / "out/faces-000002.tar", third);
  write_file_atomically(files.folder / "out/faces-000001.tar.tmp.1.0", "of a killed run");
  CHECK(pack_webdataset(list, path, {.shard = 20}).continued_at == 60);
  CHECK(same_pictures(list, WebDatasetSource(path)));
  CHECK(std::distance(fs::directory_iterator(files.folder / "out"), {}) == 7);
}

TEST_CASE("shards of the same name that no unfinished run began are never overwritten") {
  const ListedPictures files(30, [](std::uint32_t i) { return 100 + i; });
  const ListSource list(files.list());
  const std::string path = files.folder / "out/faces.json", late = list.name(25),
                    bytes = picture_of(list, 25);
  fs::create_directories(files.folder / "out");
  const std::string foreign = files.folder / "out/faces-000001.tar";
  write_file_atomically(foreign, "mine");
  const std::string refused = error_of<Error>([&] { pack_webdataset(list, path, {.shard = 10}); });
  CHECK(has(refused, foreign + " exists and is not of an unfinished run with this source"));
  CHECK(has(refused, "remove it or name another --out"));
  CHECK(read_file(foreign).size() == 4);
  CHECK(std::distance(fs::directory_iterator(files.folder / "out"), {}) == 1);
  fs::remove(foreign);

  // The shards of a run cut short are that source's and that size's alone.
  fs::remove(late);
  CHECK_THROWS_AS(pack_webdataset(list, path, {.shard = 10}), Error);
  write_file_atomically(late, bytes);
  write_file_atomically(files.folder / "other.txt", list.name(3) + "\n" + list.name(20) + "\n");
  const std::vector<std::byte> first = read_file(files.folder / "out/faces-000000.tar");
  CHECK(has(error_of<Error>([&] { pack_webdataset(ListSource(files.folder / "other.txt"), path); }),
            "faces-000000.tar exists and is not of an unfinished run"));
  CHECK(has(error_of<Error>([&] { pack_webdataset(list, path, {.shard = 7}); }), "and --shard"));
  CHECK(read_file(files.folder / "out/faces-000000.tar") == first);
  // What a killed run of this name left goes; what looks like it stays.
  for (const char* name :
       {"faces-000001.tar.tmp.1.0", "faces-b-000001.tar.tmp.1.0", "faces-.tar.tmp.1", "faces-1.tar.tmp"})
    write_file_atomically(files.folder / (std::string("out/") + name), "x");
  CHECK(pack_webdataset(list, path, {.shard = 10}).continued_at == 20);
  CHECK(!fs::exists(files.folder / "out/faces-000001.tar.tmp.1.0"));
  for (const char* name : {"faces-b-000001.tar.tmp.1.0", "faces-.tar.tmp.1", "faces-1.tar.tmp"})
    CHECK_MESSAGE(fs::exists(files.folder / (std::string("out/") + name)), name);

  // The source's own shards, packed again under their own names.
  fs::rename(path, files.folder / "out/old.json");
  const WebDatasetSource old(files.folder / "out/old.json");
  CHECK(has(error_of<Error>([&] { pack_webdataset(old, path, {.shard = 7}); }), "faces-000000.tar exists"));
  CHECK(same_pictures(old, list));
}

// Another run packs the same to `path` just before this source is asked for its classes the second time.
struct Overtaken final : Source {
  Overtaken(const Source& own, std::string to) : source(own), path(std::move(to)) {}
  std::uint32_t size() const override { return source.size(); }
  std::uint32_t classes() const override {
    if (++asked == 2) pack_webdataset(source, path);
    return source.classes();
  }
  std::int64_t label(std::uint32_t i) const override { return source.label(i); }
  std::string name(std::uint32_t i) const override { return source.name(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override { source.read(i, buffer); }
  const Source& source;
  std::string path;
  mutable int asked = 0;
};

TEST_CASE("a run that another one overtakes before it has the lock finds the result") {
  const ListedPictures files(9, [](std::uint32_t) { return 100; });
  const ListSource list(files.list());
  const std::string path = files.folder / "out/faces.json";
  CHECK(pack_webdataset(Overtaken(list, path), path).was_there);
  CHECK(same_pictures(list, WebDatasetSource(path)));
  CHECK(!fs::exists(path + ".packing"));
}

TEST_CASE("identities with names that no tar key should have get numbers") {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "x/a b");
  fs::create_directories(folder / "x/c");
  write_file_atomically(folder / "x/a b/1.jpg", "one");
  write_file_atomically(folder / "x/c/1.jpg", "two");
  write_file_atomically(folder / "l.txt", (folder / "x/a b/1.jpg") + "\n" + (folder / "x/c/1.jpg") + "\n");
  pack_webdataset(ListSource(folder / "l.txt"), folder / "i.json");
  CHECK(WebDatasetSource(folder / "i.json").folders() == std::vector<std::string>{"000000", "000001"});
}

TEST_CASE("pack as a user runs it") {
  const ListedPictures files(9, [](std::uint32_t) { return 100; });
  const std::string path = files.folder / "faces.json", flags = " -s " + files.list() + " -o " + path;
  const auto run = test::run_tool("facetrain-data pack --shard 5" + flags);
  CHECK(run.code == 0);
  CHECK(run.output == "9 pictures of 3 identities: " + path + " (all read back and compared)\n");
  CHECK(WebDatasetSource(path).size() == 9);
  CHECK(has(test::run_tool("facetrain-data pack" + flags).output, "was there already"));
  CHECK(test::run_tool("facetrain-data pack --shard 0" + flags).code == 78);
  CHECK(test::run_tool("facetrain-data pack --shard 5 -s l -o x.lmdb").code == 78);
}

}  // namespace
}  // namespace facetrain
