// The source of WebDataset tar shards. tests/golden/dataservice/packed.cpp reads what the reference's tool
// wrote.
#include <doctest/doctest.h>

#include "dataservice/pack/pack.hpp"
#include "dataservice/source/joined_source.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/selected_source.hpp"
#include "dataservice/source/webdataset_source.hpp"
#include "dataservice/tools/parallel.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tar_fixture.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::damage_file;
using test::error_of;
using test::has;
using test::ListedPictures;
using test::made_up_picture;
using test::Members;
using test::picture_of;
using test::tar_of;

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

std::string index_error(const std::string& folder, const std::string& json) {
  const std::string index = folder + "/i.json";
  write_file_atomically(index, json);
  return error_of<Error>([&] { WebDatasetSource{index}; });
}

std::string index_error(const std::string& json) {
  const test::TemporaryFolder folder;
  return index_error(folder.path().string(), json);
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

TEST_CASE("identities are named by their folders where each has one of its own, over all shards") {
  const auto folders = [](const Members& first, const Members& second) {
    const test::TemporaryFolder folder;
    write_file_atomically(folder / "1.tar", tar_of(first));
    write_file_atomically(folder / "2.tar", tar_of(second));
    const std::string count = std::to_string(first.size() / 2), last = std::to_string(second.size() / 2);
    write_file_atomically(folder / "i.json",
                          "{\"wids_version\": 1, \"shardlist\": [{\"url\": \"1.tar\", \"nsamples\": " +
                              count + "}, {\"url\": \"2.tar\", \"nsamples\": " + last + "}]}");
    return WebDatasetSource(folder / "i.json").folders();
  };
  const auto sample = [](const std::string& key, const std::string& label) {
    return Members{{key + ".cls", label}, {key + ".jpg", "A"}};
  };
  const auto both = [](Members a, const Members& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  using Names = std::vector<std::string>;
  const Members a0 = sample("x/a/0", "0"), b1 = sample("x/b/1", "1");
  CHECK(folders(a0, b1) == Names{"x/a", "x/b"});
  CHECK(folders(both(b1, a0), both(a0, b1)) == Names{"x/a", "x/b"});
  CHECK(folders(both(a0, b1), sample("x/c/0", "0")).empty());  // two folders of one label
  CHECK(folders(both(both(a0, b1), sample("x/c/0", "0")), b1).empty());
  CHECK(folders(a0, sample("x/a/1", "1")).empty());  // two labels of one folder
  CHECK(folders(both(a0, sample("x/a/1", "1")), b1).size() == 0);
  CHECK(folders(a0, sample("b", "1")).empty());      // one has none
  CHECK(folders(a0, sample("x/b/1", "2")).empty());  // no label 1
  CHECK(folders(a0, sample("/b", "1")) == Names{"x/a", ""});
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

TEST_CASE("shards of any number and size, gone through side by side, are one after the other") {
  const test::TemporaryFolder folder;
  // 8 for each thread: from there on a thread has four in turns.
  for (const std::uint32_t shards : {1u, 2u, 3u, 7u, 8u, 9u, 8 * parallel_threads() + 1}) {
    CAPTURE(shards);
    std::string json;
    std::vector<std::string> pictures;
    for (std::uint32_t s = 0; s < shards; ++s) {
      Members members;
      for (std::uint32_t k = 0; k <= s * 7 % 31; ++k) {
        const auto number = static_cast<std::uint32_t>(pictures.size());
        const std::string key = std::to_string(number % 5) + "/" + std::to_string(number);
        pictures.push_back(made_up_picture(number, 1 + number * 577 % 9000));
        members.emplace_back(key + ".cls", std::to_string(number % 5));
        members.insert(number % 2 == 0 ? members.end() : members.end() - 1, {key + ".jpg", pictures.back()});
      }
      const std::string name = std::to_string(s) + ".tar";
      write_file_atomically(folder / name, tar_of(members));
      json += (s == 0 ? "" : ", ") + ("{\"url\": \"" + name) +
              "\", \"nsamples\": " + std::to_string(members.size() / 2) + "}";
    }
    json = "{\"wids_version\": 1, \"shardlist\": [" + json + "]}";
    write_file_atomically(folder / "i.json", json);
    const WebDatasetSource source(folder / "i.json");
    REQUIRE(source.size() == pictures.size());
    for (std::uint32_t i = 0; i < source.size(); ++i) {
      CAPTURE(i);
      CHECK(picture_of(source, i) == pictures[i]);
      CHECK(source.label(i) == i % 5);
      CHECK(has(source.name(i), "/" + std::to_string(i) + ".jpg"));
    }
    CHECK(source.folders() ==
          (shards == 1 ? std::vector<std::string>{"0"} : std::vector<std::string>{"0", "1", "2", "3", "4"}));

    // One shard with too few or too many samples, or damaged, is named.
    const std::string last = std::to_string(shards - 1) + ".tar";
    const std::string count = std::to_string((shards - 1) * 7 % 31 + 1);
    for (const std::string wrong : {"0", "1000", "4294967295"}) {
      std::string other = json;
      other.replace(json.rfind(": ") + 2, count.size(), wrong);
      CHECK(index_error(folder.path().string(), other) ==
            (folder / last) + " holds " + count + " samples; " + (folder / "i.json") + " promises " + wrong);
    }
    const std::string middle = std::to_string(shards / 2) + ".tar";
    write_file_atomically(folder / middle, std::string(512, 'x'));
    CHECK(has(index_error(folder.path().string(), json), "/" + middle + " is damaged at byte 0: "));
  }
}

TEST_CASE("a picture's place is told without its shard, through every view too") {
  const Members members = {{"a.cls", "0"}, {"a.jpg", "A"}, {"b.cls", "1"}, {"b.jpg", "B"}};
  const Shard shard(members, 2);
  const std::string path = shard.folder / "s.tar";
  std::vector<JoinedSource::Part> parts;
  parts.push_back({"faces", std::make_unique<SelectedSource>(
                                std::make_unique<WebDatasetSource>(shard.folder / "i.json"),
                                std::vector<std::uint32_t>{1, 0}, std::vector<std::uint32_t>{}, 2)});
  const JoinedSource source(std::move(parts));
  CHECK(source.name(0) == "faces: " + path + ":b.jpg");
  CHECK(source.place(0) == "faces: " + path + ":3584");  // header, label, header, A, header, label, header
  CHECK(source.place(1) == "faces: " + path + ":1536");
}

TEST_CASE("a tar that ends with its last member's last byte loses no sample") {
  const test::TemporaryFolder folder;
  for (const std::size_t samples : {1u, 4u}) {
    Members members;
    for (std::size_t k = 0; k < samples; ++k) {
      members.emplace_back(std::to_string(k) + ".cls", "0");
      members.emplace_back(std::to_string(k) + ".jpg", made_up_picture(static_cast<std::uint32_t>(k), 100));
    }
    const std::string whole = tar_of(members);
    write_file_atomically(folder / "0.tar", whole.substr(0, samples * 4 * 512 - 512 + 100));
    write_file_atomically(folder / "i.json",
                          "{\"wids_version\": 1, \"shardlist\": [{\"url\": \"0.tar\", \"nsamples\": " +
                              std::to_string(samples) + "}]}");
    const WebDatasetSource source(folder / "i.json");
    REQUIRE(source.size() == samples);
    for (std::uint32_t i = 0; i < source.size(); ++i) CHECK(picture_of(source, i) == made_up_picture(i, 100));
  }
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

}  // namespace
}  // namespace facetrain
