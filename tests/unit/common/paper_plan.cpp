// A large job on paper, against numbers worked out by hand.
#include "common/scaling/paper_plan.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "common/scaling/paper_command.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

namespace {

PaperCluster cluster(int nodes, int gpus) {
  PaperCluster paper;
  paper.nodes = nodes;
  paper.node_gpus = gpus;
  return paper;
}

Config config(std::int64_t batch, const char* order) {
  Config made;
  made.train.batch_size = batch;
  made.data.order = order;
  made.data.shard = 10;
  made.data.window = 20;
  return made;
}

}  // namespace

TEST_CASE("an epoch's order: steps, what is left out, what is repeated") {
  // 1001 images over 8 ranks: 126 each, the last 7 of these wrap around; 12 steps of batch 10.
  const PaperOrder exact = paper_order(config(10, "exact"), 1001, cluster(4, 2));
  CHECK(exact.steps == 12);
  CHECK(exact.left_out == 41);
  CHECK(exact.repeated == 0);
  CHECK(exact.service_bytes == 4004);
  // 15 images over 8 ranks: 2 each, one comes twice.
  CHECK(paper_order(config(2, "exact"), 15, cluster(4, 2)).repeated == 1);
  const PaperOrder chunked = paper_order(config(10, "chunked"), 1001, cluster(4, 2));
  CHECK(chunked.steps == 12);
  CHECK(chunked.repeated == 0);
}

TEST_CASE("what the nodes read") {
  PaperCluster two = cluster(2, 2);
  two.disk_bytes = 1000 * 5e3;
  const PaperStaging staging = paper_staging(config(10, "exact"), 1000, 5e3, two);
  CHECK(staging.pack_bytes == 5e6);
  CHECK(staging.fits);
  CHECK(staging.epoch_bytes == 500 * 5e3);
  CHECK(staging.reads == 50);  // shards of ten
  CHECK(staging.window_bytes == 40 * 5e3);
  two.disk_bytes -= 1;
  CHECK_FALSE(paper_staging(config(10, "exact"), 1000, 5e3, two).fits);
}

TEST_CASE("the head's shards and a GPU's memory") {
  Config made = config(128, "exact");
  made.model.model = "iresnet";
  made.model.embedding_size = 512;
  const NetworkSize size{1000, 10, 1};
  const PaperHead head = paper_head(made, size, 1001, cluster(4, 2));
  CHECK(head.fewest == 125);
  CHECK(head.most == 126);
  // Centres, their momentum and gradient, and three arrays of the global batch by the shard.
  CHECK(head.memory.head == doctest::Approx(126.0 * 512 * 4 * 3 + 8 * 128 * 126.0 * 4 * 3));
}

TEST_CASE("the README's job of 64 nodes x 8 GPUs, 5 and 50 million images, 100K and 1M identities") {
  // 5,000,000 over 512 ranks: 9766 each, 76 steps of 128; 76 x 65,536 = 4,980,736.
  const PaperOrder five = paper_order(config(128, "exact"), 5'000'000, cluster(64, 8));
  CHECK(five.steps == 76);
  CHECK(five.left_out == 19'264);
  const PaperOrder fifty = paper_order(config(128, "chunked"), 50'000'000, cluster(64, 8));
  CHECK(fifty.steps == 762);
  CHECK(fifty.left_out == 61'568);
  const PaperHead head = paper_head(config(128, "exact"), {1000, 10, 1}, 1'000'000, cluster(64, 8));
  CHECK(head.fewest == 1953);
  CHECK(head.most == 1954);
}

TEST_CASE("the tables") {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "c.toml") << "[train]\nbatch_size = 4\n[data]\nshard = 16\nwindow = 64\n";
  std::ostringstream out;
  const std::vector<std::string> words{folder / "c.toml", "--paper", "--nodes",   "2",
                                       "--node-gpus",     "2",       "--images",  "1000",
                                       "--classes",       "10",      "--disk-gb", "0.001"};
  paper_command(words, out);
  CHECK(out.str().starts_with("2 nodes x 2 GPUs x batch 4 = 16 pictures a step\n"));
  CHECK(out.str().find("\n  1000    exact     62         8         0             0.00") != std::string::npos);
  CHECK(out.str().find("\n  1000       0.01    no              0.00      32           0.00\n") !=
        std::string::npos);
  CHECK(out.str().find("\n        10            2 to 3") != std::string::npos);
}
