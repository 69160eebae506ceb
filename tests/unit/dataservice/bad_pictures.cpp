// The list of bad pictures: an earlier run's is replaced; what is no regular file is left alone.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "dataservice/serve/bad_pictures.hpp"
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

  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const BadPictures bad(pipe, 1);
  CHECK(std::filesystem::is_fifo(pipe));
}

}  // namespace facetrain::test
