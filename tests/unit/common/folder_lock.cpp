// A run's folder has one owner, who is named to a second one.
#include "common/io/folder_lock.hpp"

#include <doctest/doctest.h>

#include <cerrno>
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

TEST_CASE("what flock answers: ours, taken, again; anything else is a file system without locks") {
  CHECK(lock_answer(0) == LockAnswer::kOurs);
  CHECK(lock_answer(EWOULDBLOCK) == LockAnswer::kTaken);
  CHECK(lock_answer(EINTR) == LockAnswer::kAgain);
  for (const int error : {ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL})
    CHECK(lock_answer(error) == LockAnswer::kNoLocks);
}

TEST_CASE("a file system without locks gives one warning that names the folder and what is at stake") {
  const test::TemporaryFolder folder;
  const FolderLock lock(
      folder.path(), 0.1, +[](int, int) {
        errno = ENOLCK;
        return -1;
      });
  CHECK(lock.warning().starts_with("WARNING: the file system of " + folder.path().string() +
                                   " gives no lock: No locks available; a second job with this run.prefix "
                                   "is not refused"));
  CHECK(FolderLock(folder.path(), 0.1).warning().empty());  // the first one holds nothing
}
