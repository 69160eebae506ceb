#include "dataservice/source/list_source.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/source/make_source.hpp"
#include "dataservice/source/picture_list.hpp"
#include "tests/read_failure.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::error_of;

struct List {
  explicit List(const std::string& text) { write_file_atomically(folder / "l.txt", text); }
  test::TemporaryFolder folder;
  std::string path() const { return folder / "l.txt"; }
  ListSource open() const { return ListSource(path()); }
  std::string error() const {
    return error_of<Error>([&] { open(); });
  }
};

TEST_CASE("stable sort by the folder's name, labels by first appearance after it") {
  const ListSource list = List("r/b/2.jpg\nr/a/9.jpg\nr/b/1.jpg\nr/a/0.jpg\n").open();
  REQUIRE(list.size() == 4);
  CHECK(list.classes() == 2);
  const std::vector<std::string> names = {"r/a/9.jpg", "r/a/0.jpg", "r/b/2.jpg", "r/b/1.jpg"};
  for (std::uint32_t i = 0; i < 4; ++i) {
    CHECK(list.name(i) == names[i]);
    CHECK(list.label(i) == i / 2);
  }
  CHECK(list.warnings().empty());
}

TEST_CASE("blank lines, carriage returns, a byte-order mark, commas, spaces, no newline at the end") {
  const ListSource list = List("\xEF\xBB\xBFr/a/1, 2.jpg\r\n\n  \nr/a/ b.jpg\r\n\r\na/c.jpg").open();
  REQUIRE(list.size() == 3);
  CHECK(list.classes() == 1);
  CHECK(list.name(0) == "r/a/1, 2.jpg");
  CHECK(list.name(1) == "r/a/ b.jpg");
  CHECK(list.name(2) == "a/c.jpg");
}

TEST_CASE("the same name under two roots is one identity, and said once") {
  const ListSource list = List("x/a/1.jpg\ny/a/1.jpg\nx/b/1.jpg\ny/b/1.jpg\nx/a/2.jpg\n").open();
  CHECK(list.classes() == 2);
  REQUIRE(list.warnings().size() == 1);
  CHECK(list.warnings()[0].find("x/a and y/a, and more") != std::string::npos);
}

TEST_CASE("errors name the file and the line") {
  CHECK(List("").error().find("l.txt is empty") != std::string::npos);
  CHECK(List("\n \n").error().find("empty") != std::string::npos);
  CHECK(List("r/a/1.jpg\n\n1.jpg\n").error().find("l.txt:3: no folder in front of the file name") !=
        std::string::npos);
  CHECK(List("/1.jpg\n").error().find("l.txt:1: no folder") != std::string::npos);
  CHECK(error_of<Error>([] { ListSource("/no/list.txt"); }).find("/no/list.txt") != std::string::npos);
}

TEST_CASE("reading gives the file's bytes or an error that names it") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a");
  write_file_atomically(folder / "a/1.jpg", "some bytes");
  write_file_atomically(folder / "l.txt", folder / "a/1.jpg" + "\n" + (folder / "a/2.jpg") + "\n" +
                                              folder.path().string() + "/a/../a\n");
  const ListSource list(folder / "l.txt");
  std::vector<std::byte> buffer(99);
  const auto find = [&](const std::string& name) {
    for (std::uint32_t i = 0; i < list.size(); ++i)
      if (list.name(i).ends_with(name)) return i;
    return ~0u;
  };
  list.read(find("1.jpg"), buffer);
  CHECK(std::string(reinterpret_cast<const char*>(buffer.data()), buffer.size()) == "some bytes");
  CHECK(error_of<Error>([&] { list.read(find("2.jpg"), buffer); }) ==
        "open " + (folder / "a/2.jpg") + ": No such file or directory");
  CHECK_THROWS_AS(list.read(find("a"), buffer), Error);  // a folder
}

TEST_CASE("a picture that cannot be read for want of a descriptor is not a bad one") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a");
  write_file_atomically(folder / "a/1.jpg", "some bytes");
  write_file_atomically(folder / "l.txt", folder / "a/1.jpg" + "\n" + (folder / "a/2.jpg") + "\n");
  const ListSource list(folder / "l.txt");
  const PictureList pictures(folder / "l.txt");
  std::vector<std::byte> buffer;
  for (const Source* source : {static_cast<const Source*>(&list), static_cast<const Source*>(&pictures)}) {
    const auto kind = [&](std::uint32_t i) { return test::kind_of([&] { source->read(i, buffer); }); };
    CHECK_FALSE(kind(0));
    CHECK(kind(1) == ErrorKind::kInput);
    const test::NoDescriptors none_left;
    CHECK(kind(0) == ErrorKind::kIo);
  }
}

TEST_CASE("half a million lines load in far less than a second of processor time") {
  std::string text;
  for (int i = 0; i < 500'000; ++i)
    text += "/some/where/identity_" + std::to_string(i % 10'000) + "/" + std::to_string(i) + ".jpg\n";
  const List list(text);
  const auto start = std::clock();
  const ListSource source = list.open();
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  CHECK(source.classes() == 10'000);
  CHECK(source.label(499'999) == 9'999);
  MESSAGE("500,000 lines, ungrouped: ", seconds, " s");
  CHECK(seconds < 2.0);  // 0.1 s in a release build; sanitizers are slow
}

TEST_CASE("make_source takes the kind from the ending") {
  Config config;
  CHECK(error_of<Error>([&] { make_source(config); }).find("data.train_source is not set") !=
        std::string::npos);
  config.data.train_source = {"/x/faces.xyz"};
  CHECK(error_of<Error>([&] {
          make_source(config);
        }).find("/x/faces.xyz: it is no folder, and its kind is not known") != std::string::npos);
  const List list("x/a/1.jpg\ny/a/1.jpg\n");
  config.data.train_source = {list.path()};
  const OpenedSource opened = make_source(config);
  CHECK(opened.source->size() == 2);
  CHECK(opened.warnings.size() == 1);
}

}  // namespace
}  // namespace facetrain
