// Copies of packed sources on the node. What happens in a full folder is tested with a small tmpfs where the
// machine permits to mount one.
#include "dataservice/source/stage.hpp"

#include <doctest/doctest.h>
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
using test::PictureList;
using test::same_pictures;

std::size_t some_size(std::uint32_t i) {
  return 500 + 13 * i;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("an LMDB and tar shards are copied once, read the same, and copied again when they changed") {
  const PictureList files(90, some_size);
  const ListSource list(files.list());
  pack_lmdb(list, files.folder / "faces.lmdb");
  pack_webdataset(list, files.folder / "faces.json", {.shard = 40});
  for (const std::string name : {"faces.lmdb", "faces.json"}) {
    CAPTURE(name);
    const std::string path = files.folder / name, folder = files.folder / "local";
    const Staged first = stage_source(path, folder);
    CHECK(first.is_copy);
    CHECK_MESSAGE(has(first.note, "copied to " + folder), first.note);
    CHECK(same_pictures(*open_source(first.path).source, list));
    const auto when = fs::last_write_time(fs::canonical(first.path));
    const Staged second = stage_source(path, folder);
    CHECK(second.path == first.path);
    CHECK_MESSAGE(has(second.note, "is read"), second.note);
    CHECK(fs::last_write_time(fs::canonical(first.path)) == when);
    // Another time: the copy is made again. Likewise when a file of the copy was cut off.
    const std::string packed = packed_files(path).at(0);
    fs::last_write_time(packed, fs::last_write_time(packed) + std::chrono::seconds(1));
    CHECK(has(stage_source(path, folder).note, "copied to"));
    fs::resize_file(fs::path(first.path).parent_path() / ("0-" + fs::path(packed).filename().string()), 10);
    CHECK(has(stage_source(path, folder).note, "copied to"));
    CHECK(same_pictures(*open_source(first.path).source, list));
    // The original may be out of reach while the copy is read.
    fs::rename(packed, packed + ".away");
    CHECK(same_pictures(*open_source(first.path).source, list));
    fs::rename(packed + ".away", packed);
  }
}

TEST_CASE("a service that comes second waits for the first one's copy") {
  const PictureList files(300, some_size);
  const ListSource list(files.list());
  pack_lmdb(list, files.folder / "faces.lmdb");
  Staged staged[3];
  {
    std::vector<std::jthread> services;
    for (Staged& one : staged)
      services.emplace_back([&] { one = stage_source(files.folder / "faces.lmdb", files.folder / "local"); });
  }
  int copied = 0;
  for (const Staged& one : staged) {
    CHECK(one.is_copy);
    copied += has(one.note, "copied to");
  }
  CHECK(copied == 1);
  CHECK(same_pictures(*open_source(staged[2].path).source, list));
}

TEST_CASE("what cannot be copied is read where it is, with a warning") {
  const PictureList files(6, some_size);
  pack_lmdb(ListSource(files.list()), files.folder / "faces.lmdb");
  const Staged unpacked = stage_source(files.list(), files.folder / "local");
  CHECK(unpacked.path == files.list());
  CHECK(has(unpacked.note, "WARNING: data.stage copies packed sources only"));
  write_file_atomically(files.folder / "file", "x");
  const Staged no_folder = stage_source(files.folder / "faces.lmdb", files.folder / "file");
  CHECK(no_folder.path == files.folder / "faces.lmdb");
  CHECK_FALSE(no_folder.is_copy);
  CHECK(has(no_folder.note, "WARNING: data.stage cannot be used"));
  const Staged missing = stage_source(files.folder / "none.lmdb", files.folder / "local");
  CHECK(missing.path == files.folder / "none.lmdb");  // opening it says what is wrong
  Config config;
  config.data.train_source = {files.folder / "faces.lmdb", files.list()};
  std::vector<std::string> lines;
  CHECK(staged_config(config, lines).data.train_source == config.data.train_source);
  CHECK(lines.empty());
  config.data.stage = files.folder / "local";
  const Config staged = staged_config(config, lines);
  CHECK(staged.data.train_source[0] != config.data.train_source[0]);
  CHECK(staged.data.train_source[1] == config.data.train_source[1]);
  CHECK(lines.size() == 2);
}

TEST_CASE("a link where the copy belongs is not followed: what it leads to stays") {
  const PictureList files(6, some_size);
  pack_lmdb(ListSource(files.list()), files.folder / "faces.lmdb");
  const std::string path = files.folder / "faces.lmdb", folder = files.folder / "local";
  const fs::path place = fs::path(stage_source(path, folder).path).parent_path();
  fs::remove_all(place);
  fs::create_directory(files.folder / "home");
  write_file_atomically(files.folder / "home/letter", "x");
  fs::create_directory_symlink(files.folder / "home", place);
  const Staged staged = stage_source(path, folder);
  CHECK(staged.path == path);
  CHECK_MESSAGE(has(staged.note, "is no folder"), staged.note);
  CHECK(fs::exists(files.folder / "home/letter"));
}

TEST_CASE("a folder without room: a warning, the original, and nothing left behind") {
  const PictureList files(200, [](std::uint32_t) { return 20'000; });  // 4 MB
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
  CHECK_MESSAGE(has(staged.note, "has room for 0.00 GB"), staged.note);
  CHECK(left == 0);
}

}  // namespace
}  // namespace facetrain
