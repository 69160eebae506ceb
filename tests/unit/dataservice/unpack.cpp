// `facetrain unpack`, and the whole round: list -> pack -> unpack -> list.
#include <doctest/doctest.h>

#include "dataservice/pack/pack.hpp"
#include "dataservice/pack/unpack.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/tar_file.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::ListedPictures;
using test::run_tool;
using test::same_pictures;

using Names = std::vector<std::string>;

// The list that `facetrain list` makes of a folder.
ListSource listed(const ListedPictures& files, const std::string& folder) {
  const auto run = run_tool("facetrain-data list -s " + (files.folder / folder) + " -d " +
                            files.folder.path().string() + " -sfn again");
  REQUIRE(run.code == 0);
  return ListSource(files.folder / "again.txt");
}

TEST_CASE("list, pack, unpack, list: the same pictures, labels and order") {
  const ListedPictures files(60, [](std::uint32_t i) { return 10 + i * 7; });
  const ListSource list(files.list());
  for (const std::string name : {"faces.lmdb", "faces.json"}) {
    CAPTURE(name);
    REQUIRE(run_tool("facetrain-data pack -s " + files.list() + " -o " + (files.folder / name)).code == 0);
    const std::string out = files.folder / (name + ".out"), flags = (files.folder / name) + " -o " + out;
    auto run = run_tool("facetrain-data unpack " + flags);
    CHECK(run.code == 0);
    CHECK(run.output == "60 pictures of 3 identities: " + out + "\n");
    CHECK(same_pictures(listed(files, name + ".out"), list));
    CHECK(fs::exists(out + (name == "faces.json" ? "/a/000.jpg" : "/000000/000.jpg")));

    fs::remove_all(out + (name == "faces.json" ? "/b" : "/000001"));  // as a run that was cut short
    run = run_tool("facetrain-data unpack " + flags);
    CHECK(run.output == "60 pictures of 3 identities: " + out + " (40 were there already)\n");
    CHECK(same_pictures(listed(files, name + ".out"), list));
  }
  CHECK(run_tool("facetrain-data unpack --by-label " + (files.folder / "faces.json") + " -o " +
                 (files.folder / "n"))
            .code == 0);
  CHECK(fs::exists(files.folder / "n/000002/019.jpg"));
  // Any source can be packed; what is packed can be packed in the other way.
  REQUIRE(run_tool("facetrain-data pack -s " + (files.folder / "faces.lmdb") + " -o " +
                   (files.folder / "t/two.json"))
              .code == 0);
  CHECK(same_pictures(*open_source(files.folder / "t/two.json").source, list));
}

TEST_CASE("a train.rec of MXNet's, unpacked") {
  const test::TemporaryFolder folder;
  const std::string rec = FACETRAIN_SOURCE_DIR "/tests/golden/data/recordio/train.rec";
  const auto run = run_tool("facetrain-data unpack " + rec + " -o " + (folder / "out"));
  CHECK_MESSAGE(run.code == 0, run.output);
  const OpenedSource records = open_source(rec);
  const Names files = {"000000/000", "000000/001", "000001/000", "000001/001", "000002/000", "000002/001"};
  REQUIRE(records.source->size() == files.size());
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    const auto bytes = read_file(folder / ("out/" + files[i] + ".jpg"));
    CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) ==
          test::picture_of(*records.source, i));
  }
}

TEST_CASE("a file that is something else is left alone") {
  const ListedPictures files(6, [](std::uint32_t) { return 50; });
  REQUIRE(run_tool("facetrain-data pack -s " + files.list() + " -o " + (files.folder / "f.lmdb")).code == 0);
  fs::create_directories(files.folder / "out/000001");
  write_file_atomically(files.folder / "out/000001/001.jpg", "mine");
  const auto run =
      run_tool("facetrain-data unpack " + (files.folder / "f.lmdb") + " -o " + (files.folder / "out"));
  CHECK(run.code == 66);
  CHECK(run.output.find("out/000001/001.jpg exists and is not " + (files.folder / "f.lmdb:")) !=
        std::string::npos);
  CHECK(read_file(files.folder / "out/000001/001.jpg").size() == 4);
}

TEST_CASE("names of folders: plain ones are kept, others become numbers, unsafe ones are refused") {
  CHECK(unpack_folders(Names{"b", "./a"}, 2, "x") == Names{"b", "a"});
  CHECK(unpack_folders({}, 2, "x") == Names{"000000", "000001"});
  CHECK(unpack_folders(Names{"a", "r/b"}, 2, "x") == Names{"000000", "000001"});
  CHECK(unpack_folders(Names{"a", "./a"}, 2, "x") == Names{"000000", "000001"});
  CHECK(unpack_folders(Names{"a", ".hidden"}, 2, "x") == Names{"000000", "000001"});
  CHECK(unpack_folders({}, 10'000'001, "x").back() == "10000000");
  CHECK(unpack_folders({}, 10'000'001, "x").front() == "00000000");
  for (const std::string name : {"..", "../a", "a/../../b", "/etc", "a\nb", "./.."})
    CHECK_MESSAGE(error_of<Error>([&] {
                    unpack_folders(Names{"a", name}, 2, "x");
                  }).find("x: it names a folder outside") == 0,
                  name);

  const test::TemporaryFolder folder;
  const std::string name = "../../escaped/1";
  write_file_atomically(folder / "s.tar", tar_header(name + ".cls", 1) + "0" + std::string(tar_padding(1)) +
                                              tar_header(name + ".jpg", 1) + "P" +
                                              std::string(tar_padding(1)));
  write_file_atomically(folder / "i.json",
                        "{\"wids_version\": 1, \"shardlist\": [{\"url\": \"s.tar\", \"nsamples\": 1}]}");
  const std::string flags = "facetrain-data unpack " + (folder / "i.json") + " -o " + (folder / "a/b/out");
  const auto run = run_tool(flags);
  CHECK(run.code == 66);
  CHECK(run.output.find("outside of the target, ../../escaped") != std::string::npos);
  CHECK(!fs::exists(folder / "a"));
  CHECK(run_tool(flags + " --by-label").code == 0);
  CHECK(fs::exists(folder / "a/b/out/000000/000.jpg"));
}

}  // namespace
}  // namespace facetrain
