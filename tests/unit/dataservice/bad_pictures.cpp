// The list of bad pictures (an earlier run's is replaced; what is no regular file is left alone), and how
// many end the job.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "dataservice/serve/bad_pictures.hpp"
#include "tests/file_text.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain::test {

TEST_CASE("an earlier run's list is removed, a device or pipe of that name is not") {
  const TemporaryFolder folder;
  const std::string list = folder / "bad_images.txt";
  std::ofstream(list) << "old.jpg\twhy\n";
  BadPictures(list, 1).add(3, "a.jpg", "a.jpg: broken", 0);
  std::ifstream file(list);
  std::string line, more;
  CHECK(std::getline(file, line));
  CHECK(line == "a.jpg\ta.jpg: broken");
  CHECK_FALSE(std::getline(file, more));

  // A run that goes on meets one that is listed, and another.
  BadPictures going_on(list, 2, true);
  going_on.add(3, "a.jpg", "a.jpg: broken", 0);
  going_on.add(5, "b.jpg", "b.jpg: broken", 0);
  CHECK(file_text(list) == "a.jpg\ta.jpg: broken\nb.jpg\tb.jpg: broken\n");
  CHECK(going_on.count() == 2);

  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const BadPictures bad(pipe, 1);
  CHECK(std::filesystem::is_fifo(pipe));
}

TEST_CASE(
    "too many are those planned for one epoch; stand-ins that are tried and other epochs do not add up") {
  const TemporaryFolder folder;
  BadPictures bad(folder / "bad_images.txt", 10);
  const auto add = [&](std::uint32_t id, std::optional<std::uint32_t> epoch) {
    const std::string path = std::to_string(id) + ".jpg";
    return error_of<Error>([&] { bad.add(id, path, path + ": broken", epoch); });
  };
  for (std::uint32_t id = 0; id < 50; ++id) CHECK(add(id, std::nullopt) == "");
  for (std::uint32_t epoch = 0; epoch < 5; ++epoch)
    for (std::uint32_t id = 0; id < 10; ++id) CHECK(add(10 * epoch + id, epoch) == "");
  CHECK(bad.count() == 50);
  const std::string said = add(50, 4);
  CHECK(said.starts_with("too many bad pictures: 11 (the limit is 10); the first: 0.jpg: broken; 1.jpg"));
  CHECK(add(51, 9) == said);  // another thread
}

TEST_CASE("a node may have so many bad pictures as its share of an epoch allows") {
  PlanShape shape{.samples = 1'000'000, .world = 8, .batch = 100};
  CHECK(bad_pictures_allowed(shape, 0, 8) == 1000);
  shape.nodes = 4;
  CHECK(bad_pictures_allowed(shape, 2, 2) == 250);
  shape.samples = 40'000;
  CHECK(bad_pictures_allowed(shape, 2, 2) == 10);

  PlanShape embeds{.samples = 30, .world = 1, .batch = 4, .strategy = Strategy::kSequential};
  CHECK(bad_pictures_allowed(embeds, 0, 1) == 29);
  embeds.samples = 1;
  CHECK(bad_pictures_allowed(embeds, 0, 1) == 0);
  embeds.world = embeds.nodes = 4;
  embeds.samples = 102;
  CHECK(bad_pictures_allowed(embeds, 0, 1) == 25);  // of 26
  CHECK(bad_pictures_allowed(embeds, 3, 1) == 24);  // of 25
  embeds.samples = 9;
  CHECK(bad_pictures_allowed(embeds, 3, 1) == 10);  // of 2
}

}  // namespace facetrain::test
