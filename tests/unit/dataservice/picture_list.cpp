// The order in which an embedding job takes pictures.
#include "dataservice/source/picture_list.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "common/config/config.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;
using test::TemporaryFolder;

namespace {

std::vector<std::string> names(const Source& source) {
  std::vector<std::string> all;
  for (std::uint32_t i = 0; i < source.size(); ++i) all.push_back(source.name(i));
  return all;
}

}  // namespace

TEST_CASE("a list keeps its order, whatever the folders; names need none") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "list.txt", "\xEF\xBB\xBFz/b 1,2.jpg\r\n\n  \na/a.jpg\nplain.jpg");
  const PictureList list(folder / "list.txt");
  CHECK(names(list) == std::vector<std::string>{"z/b 1,2.jpg", "a/a.jpg", "plain.jpg"});
  CHECK(list.classes() == 1);
  CHECK(list.label(2) == 0);

  Config config;
  config.data.train_source = {folder / "list.txt"};
  config.embed.model_path = "m.pth";
  CHECK(make_source(config).source->name(0) == "z/b 1,2.jpg");
}

TEST_CASE("a folder: every picture below it, sorted by path") {
  const TemporaryFolder folder;
  for (const char* name :
       {"b/2.JPG", "b/1.png", "a/deep/3.jpeg", "a/notes.txt", "0.jpg", "b/.1.png.part", "._0.jpg"}) {
    std::filesystem::create_directories(std::filesystem::path(folder / name).parent_path());
    std::ofstream(folder / name) << name;
  }
  const PictureList list(folder.path().string());
  const std::string root = folder.path().string() + "/";
  CHECK(names(list) ==
        std::vector<std::string>{root + "0.jpg", root + "a/deep/3.jpeg", root + "b/1.png", root + "b/2.JPG"});
  std::vector<std::byte> bytes;
  list.read(1, bytes);
  CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == "a/deep/3.jpeg");
}

TEST_CASE("a file name with a line break in a folder is refused") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a\nb.jpg", "x");
  CHECK_THROWS_WITH_AS(
      PictureList(folder.path().string()),
      doctest::Contains(("line break cannot be listed, in " + folder.path().string()).c_str()), Error);
}

TEST_CASE("nothing to embed is an error; a picture that is not there is one of the picture's kind") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(PictureList(folder.path().string()), doctest::Contains("no .jpg, .jpeg or .png below"),
                       Error);
  write_file_atomically(folder / "empty.txt", "\n \n");
  CHECK_THROWS_WITH_AS(PictureList(folder / "empty.txt"), doctest::Contains("names no picture"), Error);
  CHECK_THROWS_WITH_AS(PictureList(folder / "none.txt"), doctest::Contains("none.txt"), Error);
  write_file_atomically(folder / "list.txt", folder / "none.jpg" + "\n" + folder.path().string() + "\n");
  const PictureList list(folder / "list.txt");
  for (std::uint32_t i = 0; i < 2; ++i) {  // missing; a folder
    std::vector<std::byte> bytes;
    try {
      list.read(i, bytes);
      FAIL("it was read");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::kInput);
      CHECK(std::string(error.what()).find(list.name(i)) != std::string::npos);
    }
  }
}
