// A folder as a source: what `facetrain list` and the list's source give, and its own endings and errors.
#include "dataservice/source/folder_source.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::error_of;

struct Faces {
  Faces() {
    for (const char* file : {"b/2.jpg", "b/10.jpg", "a/x/1.jpg", "a/9.jpg", "a b/1.jpg", "Z/1.jpg",
                             "c/.hidden.jpg", "a/notes.txt", "empty/none", "deep/er/d/1.jpg", "deep/d/0.jpg"})
      add(file);
  }
  void add(const std::string& file) const {
    const std::filesystem::path path = root() + "/" + file;
    std::filesystem::create_directories(path.parent_path());
    write_file_atomically(path.string(), file);
  }
  std::string root() const { return folder / "faces"; }
  test::TemporaryFolder folder;
};

TEST_CASE("a folder's pictures and labels are those of facetrain list and the list's source") {
  const Faces faces;
  REQUIRE(test::run_tool("facetrain-data list -s " + faces.root() + " -d " + faces.folder.path().string() +
                         " -sfn l")
              .code == 0);
  const ListSource list(faces.folder / "l.txt");
  CHECK(list.size() == 8);
  CHECK(list.classes() == 6);  // d stands below two folders
  for (const char* ending : {"", "/", "/../faces//"}) {
    Config config;
    config.data.train_source = {faces.root() + ending};
    const OpenedSource opened = make_source(config);
    REQUIRE(opened.source->size() == list.size());
    CHECK(opened.source->classes() == list.classes());
    CHECK(opened.warnings.size() == 1);  // of d
    for (std::uint32_t i = 0; i < list.size(); ++i) {
      CHECK(opened.source->name(i) == list.name(i));
      CHECK(opened.source->label(i) == list.label(i));
    }
    std::vector<std::byte> bytes;
    opened.source->read(0, bytes);
    CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == "Z/1.jpg");
  }
}

TEST_CASE("jpg, jpeg and png, in capitals too; nothing else") {
  const Faces faces;
  for (const char* file : {"e/1.PNG", "e/2.Jpeg", "e/3.png", "e/4.gif", "e/5jpg", "e/6.jpg.txt"})
    faces.add(file);
  const ListSource source = open_folder(faces.root());
  CHECK(source.size() == 11);
  CHECK(source.classes() == 7);
}

TEST_CASE("a folder without pictures is an error that says what is needed") {
  const Faces faces;
  CHECK(error_of<Error>([&] {
          open_folder(faces.root() + "/empty");
        }).find("no picture (.jpg, .jpeg, .png) below the folder") == 0);
  CHECK(error_of<Error>([&] { open_folder(faces.root() + "/nowhere"); }).find("cannot read the folder") == 0);
  faces.add("a/1\n2.jpg");
  CHECK(error_of<Error>([&] { open_folder(faces.root()); }).find("a file name with a line break") == 0);
}

}  // namespace
}  // namespace facetrain
