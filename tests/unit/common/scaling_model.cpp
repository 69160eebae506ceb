// The model of a step: each of its parts against numbers worked out by hand, and what limits a job when.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/check/network_size.hpp"
#include "common/config/parse.hpp"
#include "common/scaling/scaling_command.hpp"
#include "common/scaling/scaling_model.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

namespace {

// Round numbers, so that the times below can be read off.
MachineRates machine() {
  MachineRates rates;
  rates.network_flops = 300e12;
  rates.head_flops = 300e12;
  rates.memory_bytes = 4e12;
  rates.node_bus_bytes = 400e9;
  rates.network_bus_bytes = 40e9;
  rates.collective_latency = 10e-6;
  rates.decode_images = 10000;
  rates.decode_cores = 8;
  rates.node_gpus = 8;
  return rates;
}

constexpr NetworkCost kNetwork{40e6, 10e9};

}  // namespace

TEST_CASE("one GPU computes and exchanges nothing") {
  JobSize job;
  job.classes = 100'000;
  const StepTime time = step_time(machine(), kNetwork, job);
  CHECK(time.backbone == doctest::Approx(3 * 128 * 10e9 / 300e12));  // 12.8 ms
  CHECK(time.head ==
        doctest::Approx(6 * 128 * 1e5 * 512 / 300e12 + (12 * 128 * 1e5 + 32 * 1e5 * 512) / 4e12));
  CHECK(time.exposed_exchange == 0);
  CHECK(time.head_exchange == 0);
  CHECK(time.data == doctest::Approx(128 / 80000.0));
  CHECK(time.bound() == "backbone");
  CHECK(images_per_second(time, job) == doctest::Approx(128 / time.compute()));
}

TEST_CASE("eight GPUs of a node hide the exchange of gradients but for its last bucket") {
  JobSize job;
  job.gpus = 8;
  job.classes = 100'000;
  const StepTime time = step_time(machine(), kNetwork, job);
  CHECK(time.gradient_exchange == doctest::Approx(2 * 7 / 8.0 * 80e6 / 400e9 + 5 * 30e-6));
  CHECK(time.exposed_exchange == doctest::Approx(2 * 7 / 8.0 * (16 << 20) / 400e9 + 30e-6));
  CHECK(time.head_exchange == doctest::Approx(7 / 8.0 * 1024 * (2 * 512 * 2 + 16) / 400e9 + 3 * 30e-6));
  CHECK(time.data == doctest::Approx(1024 / 80000.0));
  CHECK(images_per_second(time, job) > 7 * images_per_second(step_time(machine(), kNetwork, {}), {}));
}

TEST_CASE("what limits a job: the data, the network between nodes, a head of ten million classes") {
  JobSize job;
  job.gpus = 64;
  job.classes = 100'000;
  MachineRates slow_network = machine();
  slow_network.network_bus_bytes = 1e9;
  const StepTime far = step_time(slow_network, kNetwork, job);
  CHECK(far.exposed_exchange == doctest::Approx(far.gradient_exchange - 2 / 3.0 * far.backbone));
  CHECK(far.bound() == "network");

  MachineRates few_cores = machine();
  few_cores.decode_cores = 1;
  const StepTime starved = step_time(few_cores, kNetwork, job);
  CHECK(starved.bound() == "data");
  CHECK(images_per_second(starved, job) == doctest::Approx(8 * 10000.0));  // a core on each of 8 nodes

  job.gpus = 1;
  job.classes = 10'000'000;
  CHECK(step_time(machine(), kNetwork, job).bound() == "head");
  job.sample_rate = 0.01;
  CHECK(step_time(machine(), kNetwork, job).bound() == "backbone");
}

TEST_CASE("the cost of networks: the published counts") {
  Config config;
  config.model.model = "iresnet";
  config.model.depth = "50";
  CHECK(static_cast<double>(network_size(config)->multiply_adds) == doctest::Approx(6.309e9).epsilon(0.002));
  config.model.depth = "100";  // 12.1 GMAC: arcface_torch's readme of speed
  CHECK(static_cast<double>(network_size(config)->multiply_adds) == doctest::Approx(12.1e9).epsilon(0.01));
}

TEST_CASE("the share of validation: forward passes of it among the thirds of steps") {
  CHECK(validation_share(1000, 2, 4000) == doctest::Approx(0.25));
  CHECK(validation_share(19'000, 2, 5e6) < 0.01);  // the reference's three sets at 5M pictures
}

TEST_CASE("facetrain scale prints a row for each number of GPUs and of identities") {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "c.toml") << "[model]\nmodel = \"iresnet\"\ndepth = \"50\"\n";
  std::ostringstream out;
  scaling_command(std::vector<std::string>{folder / "c.toml", "--gpu-rate", "7500", "--classes", "100000"},
                  out);
  const std::string text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 2 + 7 + 1);
  CHECK(text.ends_with("Validating 19000 pairs after 5000000 pictures, on all GPUs: 0.50 % of an epoch\n"));
  CHECK(text.find("    100000     1 ") != std::string::npos);
  CHECK(text.find("    100000    64 ") != std::string::npos);
  CHECK_THROWS_WITH(scaling_command(std::vector<std::string>{folder / "c.toml"}, out),
                    "scale: missing --gpu-rate IMG/S (facetrain scale --help shows the flags)");
  CHECK_THROWS_WITH(
      scaling_command(std::vector<std::string>{folder / "c.toml", "--gpu-rate", "1", "--classes", "0"}, out),
      "--classes takes whole numbers from 1, not 0");
}
