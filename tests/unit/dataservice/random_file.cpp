#include "dataservice/source/random_file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "common/ipc/fd.hpp"
#include "dataservice/source/mapped_copy.hpp"
#include "tests/read_failure.hpp"
#include "tests/temporary_folder.hpp"

namespace facetrain {
namespace {

// What reading `count` bytes at `offset` gives: their text, or the error's.
std::string part(const RandomFile& file, std::uint64_t offset, std::size_t count) {
  std::string text(count, '?');
  try {
    file.read(offset, std::as_writable_bytes(std::span(text)));
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInput);
    return error.what();
  }
  return text;
}

TEST_CASE("a file is read at any place, and not past its end") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "0123456789");
  const RandomFile file(folder / "a");
  CHECK(file.size() == 10);
  CHECK(part(file, 0, 10) == "0123456789");
  CHECK(part(file, 4, 3) == "456");
  CHECK(part(file, 10, 0) == "");
  for (const auto& [offset, count] : {std::pair<std::uint64_t, std::size_t>{8, 3}, {11, 0}, {~0ull, 2}})
    CHECK(part(file, offset, count) ==
          file.path() + " is damaged at byte 10: it is cut off here; copy or download it again");
  file.will_need(0, 10);
  file.will_need(5, ~0ull);
  file.will_need(11, 1);
  CHECK(part(file, 4, 3) == "456");
  write_file_atomically(folder / "empty", "");
  CHECK(part(RandomFile(folder / "empty"), 0, 1).find("it is cut off here") != std::string::npos);
  CHECK_THROWS_AS(RandomFile(folder.path().string()), Error);
  CHECK_THROWS_AS(RandomFile(folder / "none"), Error);
}

// How many of the file's pages are in the page cache.
std::int64_t pages_in_memory(const std::string& path) {
  const MappedFile file(path);
  std::vector<unsigned char> pages(file.bytes().size() / static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
  REQUIRE(mincore(const_cast<std::byte*>(file.bytes().data()), file.bytes().size(), pages.data()) == 0);
  return std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; });
}

// The kernel takes no more of one hint than its device's read-ahead window, which may be 8 MB.
TEST_CASE("a long hint fetches all that it names") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "a", text(std::size_t{24} << 20, 'x');
  write_file_atomically(path, text);
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);  // a tmpfs keeps its pages
  const std::int64_t all = static_cast<std::int64_t>(text.size()) / sysconf(_SC_PAGESIZE);
  RandomFile(path).will_need(0, text.size());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (pages_in_memory(path) < all && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(pages_in_memory(path) == all);
}

// And not its neighbours.
TEST_CASE("a cold read at random takes from the disk what it touches") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "a";
  std::string text(std::size_t{4} << 20, 'x');
  for (std::size_t k = 0; k < text.size(); k += 4096) text[k] = static_cast<char>('a' + k / 4096 % 26);
  write_file_atomically(path, text);
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  if (pages_in_memory(path) > 0) return;  // a tmpfs keeps its pages
  RandomFile file(path);
  file.read_at_random();
  file.expect(1'000'000, 5000);
  CHECK(part(file, 1'000'000, 5000) == text.substr(1'000'000, 5000));
  CHECK(pages_in_memory(path) == 2);
  CHECK(part(file, 2'000'000, 8) == text.substr(2'000'000, 8));
  CHECK(pages_in_memory(path) == 3);
  file.expect(3'000'000, 20'000);  // all of it, before it is read
  CHECK(part(file, 3'000'000, 8) == text.substr(3'000'000, 8));
  CHECK(pages_in_memory(path) == 3 + 6);
}

TEST_CASE("a file that becomes shorter while it is read is an error, on every thread, and the rest goes on") {
  const test::TemporaryFolder folder;
  const std::string text(1 << 20, 'x');
  write_file_atomically(folder / "a", text);
  write_file_atomically(folder / "b", text);
  const RandomFile cut(folder / "a"), whole(folder / "b");
  CHECK(part(cut, 0, text.size()) == text);
  std::filesystem::resize_file(folder / "a", 1 << 16);
  std::atomic<int> errors{0}, good{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        std::vector<std::byte> bytes(1 << 19);
        for (int k = 0; k < 100; ++k) {
          try {
            cut.read(1 << 18, bytes);
          } catch (const Error& error) {
            if (error.what() == cut.path() + " is damaged at byte 65536: it became shorter while it was read")
              ++errors;
          }
          whole.read(1 << 18, bytes);
          if (bytes.back() == std::byte{'x'}) ++good;
        }
      });
  }
  CHECK(errors == 400);
  CHECK(good == 400);
  CHECK(part(cut, 0, 1 << 16) == text.substr(0, 1 << 16));
  std::filesystem::remove(folder / "a");  // its pages stay: nothing was cut off
  CHECK(part(cut, 0, 4) == "xxxx");
}

TEST_CASE("pages that cannot be had of a file that is as long as it was are the disk's fault") {
  const test::TemporaryFolder folder;
  const std::string text(1 << 16, 'x');
  write_file_atomically(folder / "a", text);
  const RandomFile file(folder / "a");
  std::filesystem::create_hard_link(folder / "a", folder / "b");
  write_file_atomically(folder / "a", text);  // what is looked at by name is whole
  std::filesystem::resize_file(folder / "b", 4096);
  std::vector<std::byte> bytes(100);
  CHECK(test::kind_of([&] { file.read(1 << 15, bytes); }) == ErrorKind::kIo);
}

TEST_CASE("a bus error outside of a copy goes to the handler that was there before") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "x");
  const RandomFile file(folder / "a");  // the handler is in place
  const pid_t child = ::fork();
  if (child == 0) {
    ::raise(SIGBUS);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK_FALSE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

}  // namespace
}  // namespace facetrain
