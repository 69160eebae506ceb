// Names of checkpoints, which there are, which may go.
#include "common/checkpoint/folders.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "common/io/file.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;
using Indices = std::vector<std::size_t>;

namespace {

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

void add(const std::filesystem::path& folder, std::int64_t updates, double accuracy) {
  const std::filesystem::path made = folder / checkpoint_name(updates);
  std::filesystem::create_directories(made);
  Manifest m;
  m.position.updates = updates;
  m.accuracy = accuracy;
  write_file_atomically((made / kManifestName).string(), print_manifest(m, {print_file({})}));
}

}  // namespace

TEST_CASE("a folder's name tells its updates, and no other name does") {
  CHECK(checkpoint_name(40) == "step_40");
  CHECK(updates_of("step_40") == 40);
  CHECK(updates_of("step_0") == 0);
  for (const char* name : {"step_", "step_4x", "step_-4", "step_40.tmp.00000000000000ff", "40", "step_ 4"})
    CHECK_MESSAGE(!updates_of(name), name);
  CHECK(unfinished_name(40, 255) == "step_40.tmp.00000000000000ff");
  CHECK(rank_file_name(3) == "rank_00003.bin");
}

TEST_CASE("checkpoints are listed newest first; what is unfinished is no checkpoint and is removed alone") {
  const test::TemporaryFolder folder;
  for (const char* name :
       {"step_9", "step_10", "step_100", "step_11.tmp.00000000000000ff", "other.tmp.1", "notes"})
    std::filesystem::create_directory(folder / name);
  CHECK(list_checkpoints(folder.path()) == std::vector<std::int64_t>{100, 10, 9});
  remove_unfinished(folder.path());
  CHECK(names_in(folder.path()) ==
        std::set<std::string>{"step_9", "step_10", "step_100", "other.tmp.1", "notes"});
  CHECK(list_checkpoints(folder / "nowhere").empty());
  std::ofstream(folder / "file") << "x";
  CHECK_THROWS_WITH_AS(list_checkpoints(folder / "file"), doctest::Contains("read the folder"), Error);
}

TEST_CASE("the latest stay, and the best; of equally good ones the earliest") {
  const std::vector<Kept> all = {{10, 0.5}, {20, 0.9}, {30, 0.9}, {40, -1}, {50, 0.6}, {60, 0.7}};
  CHECK(removable(all, 2) == Indices{3, 2, 0});
  CHECK(removable(all, 1) == Indices{4, 3, 2, 0});
  CHECK(removable(all, 6).empty());
  CHECK(removable(all, 0).empty());
  CHECK(removable({}, 2).empty());
  const std::vector<Kept> unmeasured = {{10, -1}, {30, 0}, {20, -1}};
  CHECK(removable(unmeasured, 1) == Indices{2, 0});
}

TEST_CASE("checkpoints are retained by what their manifests say") {
  const test::TemporaryFolder folder;
  add(folder.path(), 4, 0.9);
  add(folder.path(), 8, 0.8);
  add(folder.path(), 12, -1);
  add(folder.path(), 16, 0.7);
  std::ofstream(folder / "step_8/manifest.toml") << "damaged";
  retain_checkpoints(folder.path(), 1);
  CHECK(names_in(folder.path()) == std::set<std::string>{"step_4", "step_16"});
}

TEST_CASE(
    "exported models of another run: later steps stay and do not count, of equal steps the newest stays") {
  const test::TemporaryFolder folder;
  for (const char* name :
       {"model_2025-01_accuracy;0.1000_step;18001.pth", "model_2025-01_accuracy;0.1000_step;19001.pth",
        "model_2025-02_accuracy;0.1000_step;1001.pth", "model_2025-03_accuracy;0.1000_step;1001.pth",
        "model_2025-03_accuracy;0.2000_step;11.pth"})
    std::ofstream(folder / name) << "x";
  retain_exports(folder.path(), 1, 1001);
  CHECK(names_in(folder.path()) == std::set<std::string>{"model_2025-01_accuracy;0.1000_step;18001.pth",
                                                         "model_2025-01_accuracy;0.1000_step;19001.pth",
                                                         "model_2025-03_accuracy;0.1000_step;1001.pth",
                                                         "model_2025-03_accuracy;0.2000_step;11.pth"});
}

TEST_CASE("checkpoints that a run has gone back behind are removed") {
  const test::TemporaryFolder folder;
  for (const std::int64_t updates : {4, 8, 12, 16}) add(folder.path(), updates, -1);
  remove_later(folder.path(), 8);
  CHECK(names_in(folder.path()) == std::set<std::string>{"step_4", "step_8"});
}

TEST_CASE("exported models are retained by their names, other files stay") {
  CHECK(export_of("model_2025-01-01-12-00_accuracy;0.9333_step;5001.pth")->step == 5001);
  CHECK(export_of("model_2025-01-01-12-00_accuracy;0.9333_step;5001.pth")->accuracy == 0.9333);
  for (const char* name :
       {"model_x.pth", "best_accuracy;0.9_step;5.pth", "model_accuracy;0.9_step;5.pth.tmp.1.0",
        "model_t_accuracy;_step;5.pth", "model_t_step;5_accuracy;0.9.pth"})
    CHECK_MESSAGE(!export_of(name), name);
  const test::TemporaryFolder folder;
  const auto touch = [&](const std::string& name) { std::ofstream(folder / name) << "x"; };
  for (const char* name :
       {"model_a_accuracy;0.9500_step;9.pth", "model_b_accuracy;0.9100_step;17.pth",
        "model_c_accuracy;0.9200_step;25.pth", "model_d_accuracy;0.9300_step;133.pth", "mine.pth"})
    touch(name);
  retain_exports(folder.path(), 2, 133);
  CHECK(names_in(folder.path()) == std::set<std::string>{"model_a_accuracy;0.9500_step;9.pth",
                                                         "model_c_accuracy;0.9200_step;25.pth",
                                                         "model_d_accuracy;0.9300_step;133.pth", "mine.pth"});
}
