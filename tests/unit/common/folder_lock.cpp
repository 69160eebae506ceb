// A run's folder has one owner, who is named to a second one.
#include "common/io/folder_lock.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "common/error.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

TEST_CASE("a second owner is refused and told who the first one is; the folder is free when that one ends") {
  const test::TemporaryFolder folder;
  auto first = std::make_unique<FolderLock>(folder.path());
  try {
    const FolderLock second(folder.path(), 0.1);
    FAIL("a second lock");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kConfig);
    CHECK(std::string(error.what()).find("in use by process ") != std::string::npos);
    CHECK(std::string(error.what()).find(" on ") != std::string::npos);
  }
  first.reset();
  CHECK_NOTHROW(FolderLock(folder.path(), 0.1));
}

TEST_CASE("no folder, no lock: the path is named") {
  CHECK_THROWS_WITH_AS(FolderLock("/nonexistent/run"),
                       doctest::Contains("create /nonexistent/run/lock: No such file"), Error);
}
