// The subcommands of facetrain-data as a user runs them: results, exit codes, one-line errors, nothing left
// behind.
#include <doctest/doctest.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "common/io/npy.hpp"
#include "tests/file_text.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::run_tool;
using test::TemporaryFolder;

void touch(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << "x";
}

// Fails with this code, in one line that holds `text`.
void check_failure(const std::string& arguments, int code, const std::string& text) {
  CAPTURE(arguments);
  const auto run = run_tool("facetrain-data " + arguments);
  CHECK(run.code == code);
  CHECK(std::count(run.output.begin(), run.output.end(), '\n') == 1);
  CHECK_MESSAGE(run.output.find(text) != std::string::npos, run.output);
}

std::string xz_of(const std::string& data) {
  std::string out(lzma_stream_buffer_bound(data.size()), '\0');
  std::size_t size = 0;
  REQUIRE(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr,
                                  reinterpret_cast<const std::uint8_t*>(data.data()), data.size(),
                                  reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()) == LZMA_OK);
  out.resize(size);
  return out;
}

TEST_CASE("list: absolute, sorted, every subfolder, named as the reference names it") {
  const TemporaryFolder folder;
  for (const char* name : {"faces/b/2.jpg", "faces/b/1.jpg", "faces/a/1.jpg", "faces/a/deep/0.jpg",
                           "faces/a/n.png", "faces/z.jpg"})
    touch(folder / name);
  std::filesystem::create_directory_symlink(folder / "faces", folder / "faces/a/loop");  // must not go round
  const std::string root = std::filesystem::canonical(folder.path()).string();
  const auto expected = [&](std::initializer_list<const char*> names) {
    std::string text;
    for (const char* name : names) text += root + "/faces/" + name + "\n";
    return text;
  };
  const std::string all = expected({"z.jpg", "a/1.jpg", "a/deep/0.jpg", "b/1.jpg", "b/2.jpg"});
  const auto run = run_tool("facetrain-data list -s " + root + "/faces/");
  CHECK(run.code == 0);
  CHECK(run.output.find("\n1 pictures whose names do not end in jpg were left out") != std::string::npos);
  CHECK(test::file_text(root + "/faces.txt") == all);
  CHECK(run_tool("facetrain-data list --source " + root + "/faces --destination " + root +
                 " --saved_file_name mine --file_type png")
            .code == 0);
  CHECK(test::file_text(root + "/mine.txt") == expected({"a/n.png"}));
  CHECK(run_tool("facetrain-data list -s " + root + "/faces -sfn two --max-ids 2 --max-per-id 1 --seed 3")
            .code == 0);
  const std::string two = test::file_text(root + "/two.txt");
  CHECK(std::count(two.begin(), two.end(), '\n') == 2);
  CHECK(run_tool("facetrain-data list -s " + root + "/faces -sfn again --max-ids 2 --max-per-id 1 --seed 3")
            .code == 0);
  CHECK(test::file_text(root + "/again.txt") == two);
}

TEST_CASE("list: what cannot be read is an error, and an old list stays whole") {
  const TemporaryFolder folder;
  check_failure("list -s /no/such", 66, "cannot read the folder /no/such: No such file or directory");
  check_failure("list -s /dev/null", 66, "this is not a folder: /dev/null");
  std::filesystem::create_directories(folder / "faces/a");
  write_file_atomically(folder / "faces.txt", "old\n");
  check_failure("list -s " + (folder / "faces"), 66, "no file ending in jpg");
  CHECK(test::file_text(folder / "faces.txt") == "old\n");
  touch(folder / "faces/b/1.jpg");
  check_failure("list -s " + (folder / "faces") + " -d /no/such", 74, "/no/such/faces.txt");
  chmod((folder / "faces/a").c_str(), 0);
  if (geteuid() != 0)  // root reads everything
    check_failure("list -s " + (folder / "faces"), 66, "cannot read the folder");
  chmod((folder / "faces/a").c_str(), 0700);
}

TEST_CASE("list: a write that fails half way (as on a full disk) is 74, names the list, leaves the old one") {
  const TemporaryFolder folder;
  for (int i = 0; i < 300; ++i) touch(folder / ("src/id/" + std::to_string(i) + ".jpg"));
  write_file_atomically(folder / "l.txt", "old\n");
  // A file size limit of 8 KiB with SIGXFSZ ignored: write() fails with EFBIG.
  const auto run = run_tool("facetrain-data --help >/dev/null; trap '' XFSZ; ulimit -f 8; " FACETRAIN_BIN_DIR
                            "/facetrain-data list -s " +
                            (folder / "src") + " -d " + folder.path().string() + " -sfn l");
  CHECK(run.code == 74);
  CHECK(run.output.find("write " + (folder / "l.txt")) != std::string::npos);
  CHECK(test::file_text(folder / "l.txt") == "old\n");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);  // l.txt and src
}

TEST_CASE("wrong flags: one line, 78") {
  check_failure("list", 78, "missing --source, -s DIR");
  check_failure("list -s", 78, "-s needs a value");
  check_failure("list -s a -s b", 78, "given twice");
  check_failure("list -s a b", 78, "unexpected argument b");
  check_failure("synth --ids 0 --per-id 1 --out x", 78, "--ids must be a whole number");
  check_failure("synth --ids 3x --per-id 1 --out x", 78, "not 3x");
  check_failure("nothing", 78, "unknown command nothing");
  for (const char* command : {"list", "extract", "prepare", "synth"}) {
    const auto run = run_tool("facetrain-data " + std::string(command) + " --help");
    CHECK(run.code == 0);
    CHECK(run.output.find("(required)") != std::string::npos);
  }
}

TEST_CASE("extract: several streams, cut off, corrupt, not a .npy") {
  const TemporaryFolder folder;
  std::string npy = format_npy_header("|u1", std::vector<std::uint64_t>{4, 3, 50, 50});
  const std::size_t header = npy.size();
  for (std::size_t i = 0; i < 30'000; ++i) npy += static_cast<char>(i * i >> 7);
  write_file_atomically(folder / "one.xz",
                        xz_of(npy.substr(0, header + 99)) + xz_of(npy.substr(header + 99)));
  CHECK(run_tool("facetrain-data extract " + (folder / "one.xz") + " " + (folder / "out")).code == 0);
  CHECK(test::file_text(folder / "out/images.npy") == npy);

  const std::string whole = xz_of(npy);
  write_file_atomically(folder / "cut.xz", whole.substr(0, whole.size() / 2));
  check_failure("extract " + (folder / "cut.xz") + " " + (folder / "new"), 66, "cut.xz: it is cut off");
  std::string corrupt = whole;
  corrupt[whole.size() / 2] ^= 0x55;
  write_file_atomically(folder / "bad.xz", corrupt);
  check_failure("extract " + (folder / "bad.xz") + " " + (folder / "new"), 66, "bad.xz: it is corrupt");
  write_file_atomically(folder / "text.xz", xz_of("hello"));
  check_failure("extract " + (folder / "text.xz") + " " + (folder / "new"), 66,
                "text.xz: it is not a .npy file");
  write_file_atomically(folder / "short.xz", xz_of(npy.substr(0, npy.size() - 1)));
  check_failure("extract " + (folder / "short.xz") + " " + (folder / "new"), 66, "its header promises");
  CHECK(!std::filesystem::exists(folder / "new"));
  check_failure("extract " + (folder / "cut.xz") + " " + (folder / "out"), 66, "cut off");
  CHECK(test::file_text(folder / "out/images.npy") == npy);  // the good one is still there
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "out"), {}) == 1);
}

TEST_CASE("prepare: a set that would run code, a bad picture, a missing set") {
  const TemporaryFolder folder;
  const std::string flags =
      "prepare --xz_folder " + folder.path().string() + " --destination " + (folder / "out") + " --datasets ";
  check_failure(flags + "lfw", 66, "neither lfw.xz nor lfw.bin");
  write_file_atomically(folder / "evil.bin", "cos\nsystem\n(S'touch " + (folder / "ran") + "'\ntR.");
  check_failure(flags + "evil", 66, "refuses the global os.system");
  CHECK(!std::filesystem::exists(folder / "ran"));
  write_file_atomically(folder / "bad.bin", "((lp0\nS'a'\naS'b'\na(lI01\nat.");
  check_failure(flags + "bad", 66, "bad.bin: picture ");
  CHECK(!std::filesystem::exists(folder / "out/bad/bad.npy"));
}

}  // namespace
}  // namespace facetrain
