#include "common/io/file.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "common/error.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::error_of;

std::string text_of(const std::string& path) {
  const auto bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t files_in(const test::TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST_CASE("a committed file replaces the old one and leaves no temporary") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  CheckedFile file(folder / "a");
  const std::string big(200'000, 'x');  // more than the buffer
  file.write(big);
  CHECK(text_of(folder / "a") == "old");
  file.write("end");
  file.commit();
  CHECK(text_of(folder / "a") == big + "end");
  CHECK(files_in(folder) == 1);
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
  CHECK(text_of(folder / "a") == "old");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a full disk is an error that names the file") {
  if (!std::filesystem::exists("/dev/full")) {
    MESSAGE("SKIPPED: no /dev/full");
    return;
  }
  // A name beside the target that leads to the device which is always full.
  const test::TemporaryFolder folder;
  const std::string target = folder / "a";
  for (int i = 0; i < 1; ++i)
    std::filesystem::create_symlink("/dev/full",
                                    target + ".tmp." + std::to_string(getpid()) + "." + std::to_string(i));
  // O_EXCL refuses the planted link, so the next name is taken and the write succeeds: nobody can redirect
  // it.
  write_file_atomically(target, "x");
  CHECK(text_of(target) == "x");

  CHECK(error_of<Error>([&] { write_file_atomically("/dev/full/no/such", "x"); }).find("/dev/full/no/such") !=
        std::string::npos);
}

TEST_CASE("an exhausted file size limit is an error, and the old file stays") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  // The program inherits a limit of 8 blocks and a list of more than that; SIGXFSZ ignored, so write() fails
  // with EFBIG.
  std::filesystem::create_directories(folder / "src/id");
  for (int i = 0; i < 300; ++i) std::ofstream(folder / ("src/id/" + std::to_string(i) + ".jpg"));
  const auto run = test::run_tool("facetrain-data --help >/dev/null; trap '' XFSZ; ulimit -f 8; " +
                                  std::string(FACETRAIN_BIN_DIR) + "/facetrain-data list -s " +
                                  (folder / "src") + " -d " + folder.path().string() + " -sfn l");
  CHECK(run.code == 74);
  CHECK(run.output.find("write " + (folder / "l.txt")) != std::string::npos);
  CHECK(!std::filesystem::exists(folder / "l.txt"));
  CHECK(files_in(folder) == 2);  // a and src
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
}

}  // namespace
}  // namespace facetrain
