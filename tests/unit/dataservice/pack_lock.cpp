// The lock on a pack's unfinished file: whoever has it holds the file of that name, though runs remove
// theirs.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "dataservice/pack/steps.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;
namespace fs = std::filesystem;

TEST_CASE("a lock is of the file that has the name, not of one that another run removed meanwhile") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "faces.lmdb.packing";
  constexpr int kRuns = 4, kTimes = 5000;
  std::atomic<int> locked = 0, not_there = 0, otherwise = 0;
  const auto run = [&] {
    for (int i = 0; i < kTimes; ++i) {
      try {
        const Fd lock = lock_work(path);
        ++locked;
        std::error_code error;
        if (!fs::remove(path, error)) ++not_there;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInput) ++otherwise;  // kInput: another run has it
      }
    }
  };
  std::vector<std::thread> runs;
  for (int i = 0; i < kRuns; ++i) runs.emplace_back(run);
  for (std::thread& thread : runs) thread.join();
  CHECK(locked > 0);
  CHECK(otherwise == 0);
  CHECK(not_there == 0);
}
