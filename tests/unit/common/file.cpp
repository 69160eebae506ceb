#include "common/io/file.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "tests/file_text.hpp"
#include "tests/read_failure.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::error_of;

std::size_t files_in(const test::TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST_CASE("a committed file replaces the old one and leaves no temporary") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  CheckedFile file(folder / "a");
  const std::string big(200'000, 'x');  // more than the buffer
  file.write(big);
  CHECK(test::file_text(folder / "a") == "old");
  file.write("end");
  file.commit();
  CHECK(test::file_text(folder / "a") == big + "end");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("without fsync a file appears as whole as with it") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  CheckedFile file(folder / "a");
  file.write("new");
  CHECK(test::file_text(folder / "a") == "old");
  file.commit_unsynced();
  CHECK(test::file_text(folder / "a") == "new");
  CHECK(files_in(folder) == 1);
  CHECK_THROWS_AS(file.write("more"), Error);
  CHECK_THROWS_AS(file.commit_unsynced(), Error);
}

TEST_CASE("a file that is not committed, or moved away, changes nothing") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  {
    CheckedFile file(folder / "a");
    file.write("half");
    CheckedFile moved(std::move(file));
    moved.write("more");
    CHECK(files_in(folder) == 2);
  }
  CHECK(test::file_text(folder / "a") == "old");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a planted link is not followed, and a missing folder is an error that names the file") {
  const test::TemporaryFolder folder;
  const std::string target = folder / "a";
  std::filesystem::create_symlink("/dev/full", target + ".tmp." + std::to_string(getpid()) + ".0");
  write_file_atomically(target, "x");  // takes the next name
  CHECK(test::file_text(target) == "x");
  CHECK(error_of<Error>([&] { write_file_atomically("/no/such/folder/a", "x"); }) ==
        "create /no/such/folder/a: No such file or directory");
}

TEST_CASE("what killed processes have left goes, and nothing else") {
  const test::TemporaryFolder folder;
  for (const char* name : {"a.pth.tmp.17.0", "a.pth", "b.tmp.x.0", "tmp.1.2", "c.tmp.1", "d.tmp..1"})
    write_file_atomically(folder / name, std::string_view("x"));
  std::filesystem::create_directory(folder / "step_3.tmp.5.0");
  remove_temporaries(folder.path().string());
  std::set<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    left.insert(entry.path().filename());
  CHECK(left ==
        std::set<std::string>{"a.pth", "b.tmp.x.0", "tmp.1.2", "c.tmp.1", "d.tmp..1", "step_3.tmp.5.0"});
  CHECK_NOTHROW(remove_temporaries(folder / "nowhere"));
}

TEST_CASE("what cannot be read is the path's fault or the storage's") {
  for (const int error : {ENOENT, EACCES, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG})
    CHECK(kind_of_read_failure(error) == ErrorKind::kInput);
  for (const int error : {EIO, ESTALE, ETIMEDOUT, EMFILE, ENFILE, ENOMEM, EINTR, 0})
    CHECK(kind_of_read_failure(error) == ErrorKind::kIo);
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "x");
  const auto kind = [](const std::string& path) { return test::kind_of([&] { read_file(path); }); };
  CHECK(kind(folder / "none") == ErrorKind::kInput);
  CHECK(kind(folder.path().string()) == ErrorKind::kInput);
  const test::NoDescriptors none_left;
  CHECK(kind(folder / "a") == ErrorKind::kIo);
}

// Every second page of one mapping with another protection: each is then a mapping to the kernel.
TEST_CASE("a process that has all the mappings that it may have is told which limit to raise") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "x");
  std::size_t most = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> most;
  if (most > 4'000'000) return;  // more than this test would make
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t size = page * (most + 1000);
  void* const reserved = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(reserved != MAP_FAILED);
  bool is_full = false;
  for (std::size_t at = page; at < size && !is_full; at += 2 * page)
    is_full = mprotect(static_cast<char*>(reserved) + at, page, PROT_READ) != 0;
  std::vector<MappedFile> held;
  held.reserve(8);
  std::optional<ErrorKind> kind;
  std::string said;
  while (is_full && !kind && held.size() < 8) try {  // perhaps the last few are still to be had
      held.emplace_back(folder / "a");
    } catch (const Error& error) {
      kind = error.kind();
      said = error.what();
    }
  munmap(reserved, size);
  REQUIRE(is_full);
  CHECK(kind == ErrorKind::kIo);
  CHECK(said.find("vm.max_map_count") != std::string::npos);
}

TEST_CASE("reading names what is missing") {
  CHECK(error_of<Error>([] { read_file("/no/such/file"); }) ==
        "open /no/such/file: No such file or directory");
  CHECK(error_of<Error>([] { read_file("/tmp"); }).find("folder") != std::string::npos);
  CHECK(error_of<Error>([] { MappedFile("/no/such/file"); }).find("/no/such/file") != std::string::npos);
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "empty", "");
  CHECK(MappedFile(folder / "empty").bytes().empty());
  CHECK(read_file(folder / "empty").empty());
  write_file_atomically(folder / "three", "123");
  CHECK(read_file(folder / "three", 3).size() == 3);
  CHECK(error_of<Error>([&] { read_file(folder / "three", 2); }) ==
        folder / "three" + ": a file of more than 2 bytes is refused");
  // One without a size that has no end.
  CHECK(error_of<Error>([&] { read_file("/dev/zero", 1 << 20); }) ==
        "/dev/zero: a file of more than 1048576 bytes is refused");
}

}  // namespace
}  // namespace facetrain
