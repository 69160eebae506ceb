// Copies of packed sources on the node. What happens in a full folder is tested with a small tmpfs where the
// machine permits to mount one.
#include "dataservice/source/stage.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>

#include <filesystem>
#include <iostream>
#include <thread>

#include "dataservice/pack/pack.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/packed_fixture.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::ListedPictures;
using test::same_pictures;

std::size_t some_size(std::uint32_t i) {
  return 500 + 13 * i;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("an LMDB and tar shards are copied once, read the same, and copied again when they changed") {
  const ListedPictures files(90, some_size);
  const ListSource list(files.list());
  pack_lmdb(list, files.folder / "faces.lmdb");
  pack_webdataset(list, files.folder / "faces.json", {.shard = 40});
  for (const std::string name : {"faces.lmdb", "faces.json"}) {
    CAPTURE(name);
    const std::string path = files.folder / name, folder = files.folder / "local";
    std::string first;
    {
      const Staged staged = stage_source(path, folder);
      CHECK(staged.is_copy);
      CHECK_MESSAGE(mentions(staged.note, "copied to " + folder), staged.note);
      first = staged.path;
    }
    CHECK(same_pictures(*open_source(first).source, list));
    const auto when = fs::last_write_time(first);
    {
      const Staged second = stage_source(path, folder);
      CHECK(second.path == first);
      CHECK_MESSAGE(mentions(second.note, "is read"), second.note);
      CHECK(fs::last_write_time(first) == when);
    }
    // Another time: the copy is made again. Likewise when a file of the copy was cut off.
    const PackedFile packed = kind_of_source(path)->files(path).at(0);
    fs::last_write_time(packed.path, fs::last_write_time(packed.path) + std::chrono::seconds(1));
    CHECK(mentions(stage_source(path, folder).note, "copied to"));
    fs::resize_file(fs::path(first).parent_path() / packed.copied_as, 10);
    CHECK(mentions(stage_source(path, folder).note, "copied to"));
    CHECK(same_pictures(*open_source(first).source, list));
    // The original may be out of reach while the copy is read.
    fs::rename(packed.path, packed.path + ".away");
    CHECK(same_pictures(*open_source(first).source, list));
    fs::rename(packed.path + ".away", packed.path);
  }
}

TEST_CASE("a picture of a copy has the original's name and the copy's place") {
  const ListedPictures files(9, some_size);
  pack_webdataset(ListSource(files.list()), files.folder / "faces.json", {.shard = 40});
  const OpenedSource opened = open_staged(files.folder / "faces.json", files.folder / "local");
  CHECK(opened.source->name(0).starts_with((files.folder / "faces-000000.tar") + ":"));
  CHECK(opened.source->place(0).starts_with(files.folder / "local/"));
  CHECK(opened.source->place(0).ends_with(":1536"));
}

TEST_CASE("a service that comes second waits for the first one's copy") {
  const ListedPictures files(300, some_size);
  const ListSource list(files.list());
  pack_lmdb(list, files.folder / "faces.lmdb");
  OpenedSource opened[3];
  {
    std::vector<std::jthread> services;
    for (OpenedSource& one : opened)
      services.emplace_back([&] { one = open_staged(files.folder / "faces.lmdb", files.folder / "local"); });
  }
  int copied = 0;
  for (const OpenedSource& one : opened) {
    copied += mentions(one.warnings.at(0), "copied to");
    CHECK(same_pictures(*one.source, list));
  }
  CHECK(copied == 1);
}

TEST_CASE("what cannot be copied is read where it is, with a warning") {
  const ListedPictures files(6, some_size);
  pack_lmdb(ListSource(files.list()), files.folder / "faces.lmdb");
  const Staged unpacked = stage_source(files.list(), files.folder / "local");
  CHECK(unpacked.path == files.list());
  CHECK(mentions(unpacked.note, "WARNING: data.stage copies packed sources only"));
  write_file_atomically(files.folder / "file", "x");
  const Staged no_folder = stage_source(files.folder / "faces.lmdb", files.folder / "file");
  CHECK(no_folder.path == files.folder / "faces.lmdb");
  CHECK_FALSE(no_folder.is_copy);
  CHECK(mentions(no_folder.note, "WARNING: data.stage cannot be used"));
  const Staged missing = stage_source(files.folder / "none.lmdb", files.folder / "local");
  CHECK(missing.path == files.folder / "none.lmdb");  // opening it says what is wrong
  Config config;
  config.data.train_source = {files.folder / "faces.lmdb", files.list()};
  config.data.stage = files.folder / "stage";
  CHECK(make_source(config).warnings.empty());
  CHECK_FALSE(fs::exists(config.data.stage));  // facetrain check copies nothing
  const OpenedSource staged = make_source(config, Copies::kStaged);
  CHECK(staged.warnings.size() == 2);
  CHECK(fs::exists(config.data.stage));
}

TEST_CASE("nobody may replace a copy before it is open") {
  const ListedPictures files(6, some_size);
  pack_lmdb(ListSource(files.list()), files.folder / "faces.lmdb");
  const auto is_free = [](const std::string& copy) {
    const Fd lock(open((fs::path(copy).parent_path() / "lock").c_str(), O_RDWR | O_CLOEXEC));
    return flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  };
  std::string copy;
  for (const char* const what : {"copied to", "is read"}) {
    const Staged staged = stage_source(files.folder / "faces.lmdb", files.folder / "local");
    CHECK(mentions(staged.note, what));
    copy = staged.path;
    CHECK_FALSE(is_free(copy));
  }
  CHECK(is_free(copy));
  const OpenedSource opened = open_staged(files.folder / "faces.lmdb", files.folder / "local");
  CHECK(is_free(copy));  // what is open may be replaced: its bytes stay mapped
}

TEST_CASE("a copy's pictures have the names and fingerprints of the original's") {
  const ListedPictures files(90, some_size);
  const ListSource list(files.list());
  pack_lmdb(list, files.folder / "faces.lmdb");
  pack_webdataset(list, files.folder / "faces.json", {.shard = 40});
  fs::copy(FACETRAIN_SOURCE_DIR "/tests/golden/data/recordio", files.folder / "recordio");
  for (const std::string name : {"faces.lmdb", "faces.json", "recordio/train.rec"}) {
    const std::string path = files.folder / name;
    CAPTURE(path);
    const OpenedSource original = open_source(path), copy = open_staged(path, files.folder / "local/");
    CHECK(mentions(copy.warnings.at(0), "copied to"));
    REQUIRE(copy.source->size() == original.source->size());
    bool same = true;
    for (std::uint32_t i = 0; i < original.source->size(); ++i)
      same = same && copy.source->name(i) == original.source->name(i) &&
             copy.source->fingerprint(i) == original.source->fingerprint(i);
    CHECK_MESSAGE(same, copy.source->name(0));
  }
  Config config;
  config.data.train_source = {files.folder / "faces.lmdb", files.folder / "faces.json"};
  config.data.stage = files.folder / "local";
  CHECK(make_source(config, Copies::kStaged).source->name(3) == files.folder / "faces.lmdb" + ":3");
}

TEST_CASE("a link where the copy belongs is not followed: what it leads to stays") {
  const ListedPictures files(6, some_size);
  pack_lmdb(ListSource(files.list()), files.folder / "faces.lmdb");
  const std::string path = files.folder / "faces.lmdb", folder = files.folder / "local";
  const fs::path place = fs::path(stage_source(path, folder).path).parent_path();
  fs::remove_all(place);
  fs::create_directory(files.folder / "home");
  write_file_atomically(files.folder / "home/letter", "x");
  fs::create_directory_symlink(files.folder / "home", place);
  const Staged staged = stage_source(path, folder);
  CHECK(staged.path == path);
  CHECK_MESSAGE(mentions(staged.note, "is no folder"), staged.note);
  CHECK(fs::exists(files.folder / "home/letter"));
}

TEST_CASE("a folder without room: a warning, the original, and nothing left behind") {
  const ListedPictures files(200, [](std::uint32_t) { return 20'000; });  // 4 MB
  pack_lmdb(ListSource(files.list()), files.folder / "faces.lmdb");
  const std::string small = files.folder / "small";
  fs::create_directory(small);
  if (mount("none", small.c_str(), "tmpfs", 0, "size=1m") != 0) {
    std::cout << "SKIPPED: needs the right to mount a tmpfs\n";
    return;
  }
  const Staged staged = stage_source(files.folder / "faces.lmdb", small);
  std::uintmax_t left = 0;
  for (const auto& entry : fs::recursive_directory_iterator(small))
    if (entry.is_regular_file()) left += entry.file_size();
  umount(small.c_str());
  CHECK(staged.path == files.folder / "faces.lmdb");
  CHECK_MESSAGE(mentions(staged.note, "has room for 0.00 GB"), staged.note);
  CHECK(left == 0);
}

}  // namespace
}  // namespace facetrain
