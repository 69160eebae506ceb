// The LMDB source, and `facetrain pack` to LMDB. tests/golden/dataservice/packed.cpp reads what the
// reference's tool wrote.
#include <doctest/doctest.h>

#include "dataservice/pack/lmdb_writer.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/lmdb_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/msgpack.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::damage_file;
using test::error_of;
using test::ListedPictures;
using test::same_from_threads;
using test::same_pictures;

std::size_t mixed_size(std::uint32_t i) {
  return i % 50 == 0  ? 70'000
         : i % 3 == 0 ? 1 + i
                      : 2000 + 7 * i;  // values inside pages, and with pages of their own
}

std::string packed_integer(std::uint64_t value) {
  std::string out;
  msgpack_integer(out, value);
  return out;
}

std::string record_of(const std::string& picture, std::uint64_t label) {
  std::string out;
  msgpack_array(out, 2);
  msgpack_raw(out, picture);
  return out + packed_integer(label);
}

// An LMDB as another tool may write it: any keys, no note of ours.
void write_foreign(const std::string& path, const std::vector<std::string>& keys,
                   const std::vector<std::string>& values, std::uint64_t len, std::uint64_t classes) {
  LmdbWriter writer(path);
  writer.reserve(keys.size() + 3, 1 << 20);
  std::string names;
  msgpack_array(names, static_cast<std::uint32_t>(keys.size()));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i % 2 == 0)
      names += static_cast<char>(0xa0 | keys[i].size()) + keys[i];  // as text, from Python 2
    else
      msgpack_raw(names, keys[i]);
    if (i < values.size()) writer.put(keys[i], values[i]);
  }
  writer.put("__keys__", names);
  writer.put("__len__", packed_integer(len));
  writer.put("__classnum__", packed_integer(classes));
  writer.commit();
}

TEST_CASE("a packed list gives the list's pictures, labels and order") {
  const ListedPictures files(700, mixed_size);
  const ListSource list(files.list());
  const std::string path = files.folder / "faces.lmdb";
  const PackReport report = pack_lmdb(list, path, {.block = 64, .commit = 100'000});
  CHECK(report.continued_at == 0);
  CHECK(!report.was_there);
  CHECK(!fs::exists(path + ".packing"));
  const LmdbSource packed(path);
  CHECK(packed.size() == 700);
  CHECK(packed.classes() == 3);
  CHECK(packed.label(0) == 0);  // identity a, though the list begins with c
  CHECK(packed.label(699) == 2);
  CHECK(packed.name(12) == path + ":12");
  CHECK(same_pictures(list, packed));
  CHECK(same_from_threads(list, packed));

  Config config;
  config.data.train_source = {path};
  CHECK(same_pictures(*make_source(config).source, list));

  CHECK(pack_lmdb(list, path).was_there);
  write_file_atomically(files.folder / "other.txt", "x/a/1.jpg\n");
  CHECK(error_of<Error>([&] {
          pack_lmdb(ListSource(files.folder / "other.txt"), path);
        }).find("exists and holds something else") != std::string::npos);
  CHECK(same_pictures(list, LmdbSource(path)));
}

TEST_CASE("a folder with data.mdb, keys in any order and of any name, labels read from the records") {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "x.lmdb");
  std::vector<std::string> keys, values;
  for (std::uint32_t i = 0; i < 300; ++i) {
    keys.push_back("k" + std::to_string(i * 7 % 300));
    values.push_back(record_of(test::made_up_picture(i, 1 + i * 20), i % 200));
  }
  write_foreign(folder / "x.lmdb/data.mdb", keys, values, 300, 200);
  const LmdbSource source(folder / "x.lmdb");
  REQUIRE(source.size() == 300);
  CHECK(source.classes() == 200);
  CHECK(source.digest() == 0);
  for (std::uint32_t i = 0; i < 300; ++i) {
    CHECK(source.label(i) == i % 200);
    CHECK(test::picture_of(source, i) == test::made_up_picture(i, 1 + i * 20));
    CHECK(source.name(i).ends_with("data.mdb:" + keys[i]));
  }
}

TEST_CASE("what is no data set is one error that says what is wrong") {
  const test::TemporaryFolder folder;
  const auto error = [&](const std::string& name) {
    return error_of<Error>([&] { LmdbSource(folder / name); });
  };
  CHECK(error("none.lmdb").find("none.lmdb: No such file") != std::string::npos);
  fs::create_directories(folder / "empty.lmdb");
  CHECK(error("empty.lmdb").find("empty.lmdb/data.mdb: No such file") != std::string::npos);
  write_file_atomically(folder / "text.lmdb", std::string(10'000, 'x'));
  CHECK(error("text.lmdb").find("is not an LMDB file") != std::string::npos);
  write_file_atomically(folder / "nothing.lmdb", "");
  CHECK(error("nothing.lmdb").find("is not an LMDB file") != std::string::npos);
  { LmdbWriter(folder / "new.lmdb"); }
  CHECK(error("new.lmdb").find("does not hold __len__") != std::string::npos);
  const std::string good = record_of("abc", 0);
  write_foreign(folder / "few.lmdb", {"0", "1"}, {good, good}, 3, 1);
  CHECK(error("few.lmdb").find("__keys__ names more or fewer pictures than __len__ (3)") !=
        std::string::npos);
  write_foreign(folder / "missing.lmdb", {"0", "1"}, {good}, 2, 1);
  CHECK(error("missing.lmdb").find("the record of key 1 is missing") != std::string::npos);
  write_foreign(folder / "many.lmdb", {"0"}, {good}, 1, 4294967295u);
  CHECK(error_of<Error>([&] {
          open_source(folder / "many.lmdb");
        }).find("many.lmdb: 4294967295 identities; at most 100000000") != std::string::npos);
  write_foreign(folder / "label.lmdb", {"0", "1"}, {good, record_of("abc", 4)}, 2, 4);
  CHECK(error("label.lmdb").find("label.lmdb:1: label 4 of only 4 classes") != std::string::npos);
  write_foreign(folder / "bare.lmdb", {"0"}, {"\xff\xd8 picture"}, 1, 1);
  CHECK(error("bare.lmdb").find("bare.lmdb:0: byte 1 of the value: expected an array") != std::string::npos);
  write_foreign(folder / "long.lmdb", {"0"}, {good + "more"}, 1, 1);
  CHECK(error("long.lmdb").find("more follows") != std::string::npos);
  write_foreign(folder / "negative.lmdb", {"0"}, {good.substr(0, good.size() - 1) + "\xff"}, 1, 1);
  CHECK(error("negative.lmdb").find("label -1") != std::string::npos);
}

TEST_CASE("damaged files are errors, never a crash") {
  const ListedPictures files(120, [](std::uint32_t i) { return i % 2 == 0 ? 40 + i : 3000; });
  const ListSource list(files.list());
  const std::string path = files.folder / "faces.lmdb", work = files.folder / "damaged.lmdb";
  pack_lmdb(list, path);
  const auto open = [&] { return std::unique_ptr<Source>(std::make_unique<LmdbSource>(work)); };
  auto damage = damage_file(path, work, list, open, 60, 1000, 4096);
  CHECK(damage.of_cuts > 55);
  CHECK(damage.of_changes > 50);
  CHECK(damage.of_changes < 900);

  std::vector<std::string> keys, values;  // without our note: every record's ends are read when it opens
  for (std::uint32_t i = 0; i < 90; ++i) {
    keys.push_back(std::to_string(i));
    values.push_back(record_of(test::picture_of(list, i), static_cast<std::uint64_t>(list.label(i))));
  }
  const std::string foreign = files.folder / "foreign.lmdb";
  write_foreign(foreign, keys, values, 90, 3);
  const LmdbSource whole(foreign);
  damage = damage_file(foreign, work, whole, open, 60, 1000, 4096);
  CHECK(damage.of_cuts > 55);
  CHECK(damage.of_changes > 50);
}

TEST_CASE("a run that fails is continued; nothing appears under the final name before the end") {
  const ListedPictures files(200, mixed_size);
  const ListSource list(files.list());
  const std::string path = files.folder / "faces.lmdb", late = list.name(150);
  const std::string bytes = test::picture_of(list, 150);
  fs::remove(late);
  CHECK(error_of<Error>([&] { pack_lmdb(list, path, {.block = 20}); }) ==
        "open " + late + ": No such file or directory");
  CHECK(!fs::exists(path));
  write_file_atomically(late, "");
  CHECK(error_of<Error>([&] { pack_lmdb(list, path, {.block = 20}); }) == late + " is empty");
  write_file_atomically(late, bytes);
  const PackReport report = pack_lmdb(list, path, {.block = 20});
  CHECK(report.continued_at == 140);
  CHECK(same_pictures(list, LmdbSource(path)));

  // Unfinished work of another list, or a damaged one, is not continued.
  for (const bool damaged : {false, true}) {
    fs::remove(path);
    fs::remove(late);
    CHECK_THROWS_AS(pack_lmdb(list, path, {.block = 20}), Error);
    write_file_atomically(late, bytes);
    if (damaged) fs::resize_file(path + ".packing", fs::file_size(path + ".packing") / 2);
    write_file_atomically(files.folder / "other.txt", list.name(3) + "\n" + list.name(190) + "\n");
    const ListSource other(damaged ? files.list() : files.folder / "other.txt");
    CHECK(pack_lmdb(other, path).continued_at == 0);
    CHECK(same_pictures(other, LmdbSource(path)));
  }
}

TEST_CASE("what was written by an earlier run is compared too") {
  const ListedPictures files(60, [](std::uint32_t) { return 500; });
  const ListSource list(files.list());
  const std::string path = files.folder / "faces.lmdb", late = list.name(50);
  const std::string bytes = test::picture_of(list, 50);
  fs::remove(late);
  CHECK_THROWS_AS(pack_lmdb(list, path, {.block = 20}), Error);
  write_file_atomically(late, bytes);
  write_file_atomically(list.name(5), "another picture");  // packed already, with its old content
  CHECK(error_of<Error>([&] { pack_lmdb(list, path); }).find(":5 reads back otherwise than") !=
        std::string::npos);
  CHECK(!fs::exists(path));
  CHECK(!fs::exists(path + ".packing"));
  CHECK(pack_lmdb(list, path).continued_at == 0);
}

TEST_CASE("pack as a user runs it: results, a full disk, wrong flags") {
  const ListedPictures files(90, [](std::uint32_t) { return 3000; });
  const std::string path = files.folder / "faces.lmdb", flags = " -s " + files.list() + " -o " + path;
  // A file size limit of 64 KiB with SIGXFSZ ignored: write() fails with EFBIG.
  const auto full =
      test::run_tool("facetrain-data --help >/dev/null; trap '' XFSZ; ulimit -f 64; " FACETRAIN_BIN_DIR
                     "/facetrain-data pack" +
                     flags);
  CHECK(full.code == 74);
  CHECK_MESSAGE(full.output.find("write " + path + ".packing: ") != std::string::npos, full.output);
  CHECK(!fs::exists(path));
  auto run = test::run_tool("facetrain-data pack" + flags);
  CHECK(run.code == 0);
  CHECK(run.output == "90 pictures of 3 identities: " + path + " (all read back and compared)\n");
  run = test::run_tool("facetrain-data pack" + flags);
  CHECK(run.code == 0);
  CHECK(run.output.find("was there already") != std::string::npos);
  run = test::run_tool("facetrain-data pack -s " + files.list() + " -o faces.zip");
  CHECK(run.code == 78);
  CHECK(run.output.find("its ending names the format") != std::string::npos);
}

}  // namespace
}  // namespace facetrain
