// The source of WebDataset tar shards, and `facetrain pack` to them. tests/golden/dataservice/packed.cpp
// reads what the reference's tool wrote.
#include <doctest/doctest.h>

#include <cstdlib>

#include "dataservice/pack/pack.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/tar_file.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "dataservice/source/wids_index.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::damage_file;
using test::error_of;
using test::ListedPictures;
using test::made_up_picture;
using test::picture_of;
using test::same_from_threads;
using test::same_pictures;

using Members = std::vector<std::pair<std::string, std::string>>;  // name, bytes

std::string tar_of(const Members& members) {
  std::string tar;
  for (const auto& [name, bytes] : members)
    tar += tar_header(name, bytes.size()) + bytes + std::string(tar_padding(bytes.size()));
  return tar + std::string(tar_end());
}

// One shard and its index in a folder.
struct Shard {
  explicit Shard(const Members& members, std::uint32_t samples, const std::string& more = "") {
    write_file_atomically(folder / "s.tar", tar_of(members));
    write_file_atomically(folder / "i.json",
                          "{\"wids_version\": 1, \"shardlist\": [{\"url\": \"s.tar\", \"nsamples\": " +
                              std::to_string(samples) + "}]" + more + "}");
  }
  WebDatasetSource open() const { return WebDatasetSource(folder / "i.json"); }
  std::string error() const {
    return error_of<Error>([&] { open(); });
  }
  test::TemporaryFolder folder;
};

std::string index_error(const std::string& json) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "i.json", json);
  return error_of<Error>([&] { WebDatasetSource(folder / "i.json"); });
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != text.npos);
  return true;
}

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

TEST_CASE("tars of GNU tar in its formats, with long names, folders and links inside") {
  const ListedPictures files(2, [](std::uint32_t) { return 10; });  // only for its folder
  const std::string root = files.folder.path().string();
  const std::string deep = std::string(60, 'd') + "/" + std::string(50, 'e') + "/" + std::string(30, 'f');
  fs::create_directories(root + "/in/" + deep);
  const std::string stem = root + "/in/" + deep + "/" + std::string(60, 'n');
  write_file_atomically(stem + ".jpg", made_up_picture(1, 700));
  write_file_atomically(stem + ".cls", "1\n");
  write_file_atomically(stem + "x.jpg", made_up_picture(2, 512));
  write_file_atomically(stem + "x.cls", " 0 ");
  fs::create_symlink("nowhere", root + "/in/zlink.jpg");
  for (const std::string format : {"gnu", "pax", "ustar"}) {
    CAPTURE(format);
    const std::string tar = root + "/" + format + ".tar";
    REQUIRE(std::system(
                ("tar --sort=name --format=" + format + " -C " + root + "/in -cf " + tar + " .").c_str()) ==
            0);
    const std::vector<TarSample> samples = read_shard(RandomFile(tar));
    REQUIRE(samples.size() == 2);
    CHECK(samples[0].key == "./" + deep + "/" + std::string(60, 'n'));
    CHECK(samples[0].label == 1);
    CHECK(samples[1].label == 0);
    std::string bytes(samples[0].size, '\0');
    RandomFile(tar).read(samples[0].offset, std::as_writable_bytes(std::span(bytes)));
    CHECK(bytes == made_up_picture(1, 700));
  }
}

TEST_CASE("samples: either order, other members, repeated names, .png") {
  const Shard shard({{"a.json", "{}"},
                     {"a.jpg", "A"},
                     {"a.cls", "4"},
                     {"a.cls", "2"},
                     {"a.jpg", "B"},
                     {"README", "x"},
                     {"d.d/b.x.cls", "1"},
                     {"d.d/b.txt", "t"},
                     {"d.d/b.cls", "0"},
                     {"d.d/b.png", "C"}},
                    3);
  // "d.d/b.x.cls" has the ending .x.cls, which is none of a sample's.
  const WebDatasetSource source = shard.open();
  REQUIRE(source.size() == 3);
  CHECK(source.classes() == 5);  // nobody told: the largest label + 1
  CHECK(picture_of(source, 0) == "A");
  CHECK(picture_of(source, 1) == "B");
  CHECK(picture_of(source, 2) == "C");
  CHECK(source.label(0) == 4);
  CHECK(source.label(1) == 2);
  CHECK(source.label(2) == 0);
  CHECK(source.folders().empty());
}

TEST_CASE("the number of identities: the index, dataset_info.txt, the labels") {
  const Members one = {{"a.cls", "2"}, {"a.jpg", "A"}};
  CHECK(Shard(one, 1).open().classes() == 3);
  CHECK(Shard(one, 1, ", \"classes\": 7").open().classes() == 7);
  CHECK(has(Shard(one, 1, ", \"classes\": 2").error(), "s.tar:a.jpg: label 2 of only 2 classes"));
  const Shard shard(one, 1);
  write_file_atomically(shard.folder / "dataset_info.txt", "ids:9 images:1\n");
  CHECK(shard.open().classes() == 9);
  write_file_atomically(shard.folder / "dataset_info.txt", "nine\n");
  CHECK(has(shard.error(), "dataset_info.txt: its first word is not ids:NUMBER"));
}

TEST_CASE("a number of identities that nobody can train is refused when the source is opened") {
  const auto refused = [](const Shard& shard) {
    return error_of<Error>([&] { open_source(shard.folder / "i.json"); });
  };
  const Members one = {{"a.cls", "2"}, {"a.jpg", "A"}};
  CHECK(has(refused(Shard(one, 1, ", \"classes\": 4294967295")),
            "i.json: 4294967295 identities; at most 100000000"));
  CHECK(has(refused(Shard({{"a.cls", "4294967294"}, {"a.jpg", "A"}}, 1)), "4294967295 identities"));
  CHECK(refused(Shard(one, 1, ", \"classes\": 100000000")).empty());
  const Shard shard(one, 1);
  write_file_atomically(shard.folder / "dataset_info.txt", "ids:100000001 images:1\n");
  CHECK(has(refused(shard), "100000001 identities"));
}

TEST_CASE("what cannot be used is one error that says what is wrong") {
  CHECK(has(Shard({{"a.cls", "1"}, {"a.jpg", "A"}}, 2).error(), "s.tar holds 1 samples; "));
  CHECK(has(Shard({{"a.jpg", "A"}, {"b.cls", "1"}}, 1).error(), "s.tar:a has no .cls (label) beside it"));
  CHECK(has(Shard({{"b.cls", "1"}}, 1).error(), "s.tar:b has no .jpg (picture) beside it"));
  CHECK(has(Shard({{"a.cls", "one"}, {"a.jpg", "A"}}, 1).error(), "s.tar:a.cls: not a label"));
  CHECK(has(Shard({{"a.cls", "-1"}, {"a.jpg", "A"}}, 1).error(), "not a label"));
  CHECK(has(Shard({{"a.cls", ""}, {"a.jpg", "A"}}, 1).error(), "a.cls: impossible size 0"));
  CHECK(has(Shard({{"a.cls", std::string(40, '1')}, {"a.jpg", "A"}}, 1).error(), "not a label"));
  CHECK(has(Shard({}, 0).error(), "hold 0 samples"));
  CHECK(has(index_error("{\"wids_version\": 1, \"shardlist\": [{\"url\": \"none.tar\", \"nsamples\": 1}]}"),
            "none.tar: No such file"));
  CHECK(has(index_error("{\"shardlist\": []}"), "\"wids_version\": 1 is missing"));
  CHECK(has(index_error("{\"wids_version\": 1}"), "not a complete index"));
  CHECK(has(index_error("{\"wids_version\": 1, \"shardlist\": []}"), "names 0 shards"));
  CHECK(has(index_error("{\"wids_version\": 1,\n\"shardlist\": [}"), "i.json:2: no JSON"));
  CHECK(has(
      index_error("{\"wids_version\": 1, \"shardlist\": [{\"url\": \"https://x/s.tar\", \"nsamples\": 1}]}"),
      "is not a local file"));
  CHECK(has(index_error("{\"wids_version\": 1, \"shardlist\": [{\"url\": \"s.tar\", \"nsamples\": -1}]}"),
            "impossible number -1"));
  CHECK(has(index_error(std::string(1'000'000, '[')), "nested too deeply"));
  const Shard text({{"a.cls", "1"}, {"a.jpg", "A"}}, 1);
  write_file_atomically(text.folder / "s.tar", std::string(3000, 'x'));
  CHECK(has(text.error(), "s.tar is damaged at byte 0: it does not begin as a tar file"));
}

TEST_CASE("damaged shards and indexes are errors, never a crash") {
  const ListedPictures files(30, [](std::uint32_t i) { return 400 + i * 10; });
  const ListSource list(files.list());
  pack_webdataset(list, files.folder / "o/faces.json", {.shard = 1000});
  fs::create_directories(files.folder / "w");
  fs::copy(files.folder / "o", files.folder / "w");
  const auto open = [&] {
    return std::unique_ptr<Source>(std::make_unique<WebDatasetSource>(files.folder / "w/faces.json"));
  };
  auto damage = damage_file(files.folder / "o/faces-000000.tar", files.folder / "w/faces-000000.tar", list,
                            open, 80, 1000, 512);
  CHECK(damage.of_cuts > 75);
  CHECK(damage.of_changes > 150);
  damage = damage_file(files.folder / "o/faces.json", files.folder / "w/faces.json", list, open, 0, 300, 512);
  CHECK(damage.of_changes > 100);
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
