// The list of bad pictures: an earlier run's is replaced; what is no regular file is left alone.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "dataservice/serve/bad_pictures.hpp"
#include "tests/file_text.hpp"
#include "tests/temporary_folder.hpp"

namespace facetrain::test {

TEST_CASE("an earlier run's list is removed, a device or pipe of that name is not") {
  const TemporaryFolder folder;
  const std::string list = folder / "bad_images.txt";
  std::ofstream(list) << "old.jpg\twhy\n";
  BadPictures(list, 1).add(3, "a.jpg", "a.jpg: broken");
  std::ifstream file(list);
  std::string line, more;
  CHECK(std::getline(file, line));
  CHECK(line == "a.jpg\ta.jpg: broken");
  CHECK_FALSE(std::getline(file, more));

  // A run that goes on meets one that is listed, and another.
  BadPictures going_on(list, 2, true);
  going_on.add(3, "a.jpg", "a.jpg: broken");
  going_on.add(5, "b.jpg", "b.jpg: broken");
  CHECK(file_text(list) == "a.jpg\ta.jpg: broken\nb.jpg\tb.jpg: broken\n");
  CHECK(going_on.count() == 2);

  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const BadPictures bad(pipe, 1);
  CHECK(std::filesystem::is_fifo(pipe));
}

}  // namespace facetrain::test
