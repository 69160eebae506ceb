// Golden: the order and labels that the reference's own LMDB class gives a list
// (tests/golden/record_data_tools.py).
#include <doctest/doctest.h>

#include <fstream>

#include "common/io/file.hpp"
#include "dataservice/source/list_source.hpp"
#include "tests/temporary_folder.hpp"

namespace facetrain {
namespace {

TEST_CASE("order and labels of a list as the reference's") {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/list_order.txt");
  std::string text, line;
  while (std::getline(file, line) && line != "---") text += line + "\n";
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "l.txt", text);
  const ListSource list(folder / "l.txt");
  std::uint32_t i = 0;
  for (; std::getline(file, line); ++i) {
    REQUIRE(i < list.size());
    CHECK(std::to_string(list.label(i)) + " " + list.name(i) == line);
  }
  CHECK(i == list.size());
  CHECK(i == 14);
}

}  // namespace
}  // namespace facetrain
