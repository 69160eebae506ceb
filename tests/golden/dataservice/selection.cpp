// Golden: mask, label_map and fixed_size as the reference's own LMDB class and DistributedSampler treat them
// (tests/golden/record_selection.py): which picture, under which label, in which order.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "common/io/file.hpp"
#include "common/plan/sample_plan.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/temporary_folder.hpp"

namespace facetrain {
namespace {

struct Order {
  std::uint32_t epoch = 0, world = 1, rank = 0;
  std::vector<std::string> rows;  // "label:path"
};

struct Case {
  std::string name;
  std::uint32_t classes = 0, length = 0;
  std::int64_t fixed_size = 0;
  std::string mask, label_map;  // the .npy files' bytes in hex, or "-"
  std::vector<Order> orders;
};

struct Golden {
  std::string list;
  std::vector<Case> cases;
};

Golden golden() {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/selection.txt");
  Golden all;
  std::string line;
  while (std::getline(file, line) && line != "---")
    if (!line.starts_with('#')) all.list += line + "\n";
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string what;
    fields >> what;
    if (what == "case") {
      Case& one = all.cases.emplace_back();
      fields >> one.name >> one.classes >> one.length >> one.fixed_size;
    } else if (what == "mask") {
      fields >> all.cases.back().mask;
    } else if (what == "label_map") {
      fields >> all.cases.back().label_map;
    } else if (what == "order") {
      Order& order = all.cases.back().orders.emplace_back();
      fields >> order.epoch >> order.world >> order.rank;
      for (std::string row; fields >> row;) order.rows.push_back(row);
    }
  }
  return all;
}

// The path of the file that `hex` is written to; "" for "-".
std::string unhex(const std::string& hex, const std::string& path) {
  if (hex == "-") return "";
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  write_file_atomically(path, bytes);
  return path;
}

TEST_CASE("the reference's pictures, labels and order with mask, label map and fixed size") {
  const Golden all = golden();
  CHECK(all.cases.size() == 10);
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "list.txt", all.list);
  for (const Case& one : all.cases) {
    CAPTURE(one.name);
    Config config;
    config.data.train_source = {folder / "list.txt"};
    config.data.mask = unhex(one.mask, folder / "mask.npy");
    config.data.label_map = unhex(one.label_map, folder / "map.npy");
    config.data.fixed_size = one.fixed_size;
    config.train.batch_size = 1;
    const OpenedSource opened = make_source(config);
    const Source& source = *opened.source;
    CHECK(source.classes() == one.classes);
    CHECK(one.orders.size() == 6);
    for (const Order& order : one.orders) {
      const PlanShape shape = plan_shape(config, source.size(), order.world);
      CHECK(shape.samples_per_epoch() == one.length);
      REQUIRE(shape.steps_per_epoch() == order.rows.size());
      const EpochOrder plan(shape, order.epoch);
      for (std::uint64_t step = 0; step < order.rows.size(); ++step) {
        const std::uint32_t i = plan.sample(step, order.rank, 0);
        CHECK(std::to_string(source.label(i)) + ":" + source.name(i) == order.rows[step]);
      }
    }
  }
}

}  // namespace
}  // namespace facetrain
