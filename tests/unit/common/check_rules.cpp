// The rules of facetrain check that need only numbers and a configuration.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "common/check/challenge.hpp"
#include "common/check/host_memory.hpp"
#include "common/check/network_size.hpp"
#include "common/check/scale.hpp"
#include "common/check/training_memory.hpp"
#include "common/config/parse.hpp"
#include "common/ipc/ring_layout.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

bool has(const Findings& findings, Severity severity, const std::string& text) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.severity == severity && finding_line(finding).find(text) != std::string::npos;
  });
}

Severity worst(const Findings& findings) {
  Severity severity = Severity::kOk;
  for (const Finding& finding : findings) severity = std::max(severity, finding.severity);
  return severity;
}

}  // namespace

TEST_CASE("a finding is one line, and refusals decide the exit code") {
  CHECK(finding_line(warning("disk", "/x", "full")) == "WARNING disk: /x: full");
  CHECK(finding_line(ok("a", "b", "c")) == "ok a: b: c");
  Findings findings = {ok("a", "b", "c"), warning("a", "b", "c"), note("a", "b", "c")};
  CHECK_FALSE(verdict(findings).is_refused);
  CHECK(verdict(findings).text == "0 refused, 1 warning");
  findings.push_back(refused(ErrorKind::kInput, "a", "b", "c"));
  CHECK(verdict(findings).is_refused);
  CHECK(verdict(findings).kind == ErrorKind::kInput);
  findings.push_back(breach(Rules::kChallenge, "a", "b", "c"));
  CHECK(verdict(findings).kind == ErrorKind::kConfig);
  CHECK(verdict(findings).text == "2 refused, 1 warning");
}

TEST_CASE("the scales of the challenge") {
  CHECK(scale_of(10000)->name == "10K");
  CHECK(scale_of(10001)->name == "20K");
  CHECK(scale_of(20001)->name == "100K");
  CHECK_FALSE(scale_of(100001));
  CHECK_THROWS_WITH_AS(scale_named("30K"), "--scale must be 10K, 20K or 100K, not 30K", Error);

  CHECK(worst(scale_findings(10000, 500000, {}, Rules::kChallenge)) == Severity::kOk);
  CHECK(has(scale_findings(10000, 500001, {}, Rules::kChallenge), Severity::kRefused,
            "the 10K scale takes at most 500000 images; `facetrain list --max-per-id 50`"));
  CHECK(worst(scale_findings(10000, 500001, {}, Rules::kAdvice)) == Severity::kWarning);
  CHECK(has(scale_findings(10001, 1000000, {}, Rules::kChallenge), Severity::kOk, "20K scale"));
  CHECK(has(scale_findings(10001, 500000, scale_named("10K"), Rules::kChallenge), Severity::kRefused,
            "at most 10000 identities"));
  CHECK(has(scale_findings(100000, 5000000, {}, Rules::kChallenge), Severity::kOk, "100K scale"));
  CHECK(has(scale_findings(100001, 100, {}, Rules::kAdvice), Severity::kWarning, "--max-ids 100000"));
  CHECK(has(scale_findings(100, 5000, {}, Rules::kChallenge), Severity::kNote, "less than half"));
  CHECK(worst(scale_findings(100, 5000, {}, Rules::kChallenge)) == Severity::kNote);
}

TEST_CASE("the challenge's values are those of the committed configuration") {
  Config file = load_config(FACETRAIN_SOURCE_DIR "/configs/arcface_r50_default.toml");
  CHECK(worst(challenge_findings(file, Rules::kChallenge)) == Severity::kOk);
  file.data.train_source.clear();
  CHECK(print_config(file) == print_config(challenge_config()));
}

TEST_CASE("what may and what may not be changed") {
  Config config = challenge_config();
  config.run.prefix = "mine";
  config.run.seed = 7;
  config.data.train_source = {"x.lmdb"};
  config.data.workers = 3;
  config.data.mask = "m.npy";
  config.validation.val_source = "elsewhere";
  config.validation.val_list = {"lfw"};
  config.launch.trainers = 2;
  config.embed.destination = "f.npy";
  config.model.checkpoint = true;
  config.data.stage = "/local";
  config.checkpoint.keep = 2;
  config.limits.step = 60;
  CHECK(worst(challenge_findings(config, Rules::kChallenge)) == Severity::kOk);
  config.train.precision = "bf16";
  CHECK(worst(challenge_findings(config, Rules::kChallenge)) == Severity::kWarning);

  const auto changed = [](auto change) {
    Config one = challenge_config();
    change(one);
    return challenge_findings(one, Rules::kChallenge);
  };
  CHECK(has(changed([](Config& c) { c.train.lr = 0.2; }), Severity::kRefused,
            "train.lr = 0.2: the challenge fixes it at 0.1"));
  CHECK(has(changed([](Config& c) { c.train.epochs = 27; }), Severity::kRefused, "train.epochs = 27"));
  CHECK(has(changed([](Config& c) { c.data.rand_erase = false; }), Severity::kRefused, "data.rand_erase"));
  CHECK(has(changed([](Config& c) { c.data.flip = false; }), Severity::kRefused, "data.flip"));
  CHECK(has(changed([](Config& c) { c.data.pixel_mean = 0; }), Severity::kRefused, "data.pixel_mean"));
  CHECK(has(changed([](Config& c) { c.model.mode = "normal"; }), Severity::kRefused, "model.mode"));
  CHECK(has(changed([](Config& c) { c.head.margin = {0.4}; }), Severity::kRefused, "head.margin = [0.4]"));
  CHECK(has(changed([](Config& c) { c.compat.adaface = true; }), Severity::kRefused, "compat.adaface"));
  CHECK(has(changed([](Config& c) { c.checkpoint.allow = {"training"}; }), Severity::kRefused,
            "checkpoint.allow"));
  CHECK(has(changed([](Config& c) { c.run.init_from = "w.pth"; }), Severity::kRefused, "run.init_from"));
  Config two = challenge_config();
  two.train.lr = 1;
  two.train.momentum = 0;
  CHECK(challenge_findings(two, Rules::kAdvice).size() == 2);
  CHECK(worst(challenge_findings(two, Rules::kAdvice)) == Severity::kWarning);
}

TEST_CASE("the global batch") {
  Config config = challenge_config();
  CHECK(worst(batch_findings(config, 4, Rules::kChallenge)) == Severity::kOk);
  CHECK(has(batch_findings(config, 2, Rules::kChallenge), Severity::kRefused,
            "2 x 128 = 256: the challenge's is 4 x 128"));
  CHECK(worst(batch_findings(config, 2, Rules::kAdvice)) == Severity::kWarning);
  config.train.batch_size = 256;
  CHECK(has(batch_findings(config, 2, Rules::kChallenge), Severity::kWarning, "those of 256 pictures"));
  CHECK(has(batch_findings(config, 4, Rules::kChallenge), Severity::kRefused, "4 x 256 = 1024"));
  config.train.batch_size = 128;
  config.train.accumulate = 4;
  CHECK(
      has(batch_findings(config, 1, Rules::kChallenge), Severity::kWarning, "1 x 128 x 4 accumulated = 512"));
}

TEST_CASE("rings against the memory of the node") {
  Config config;
  config.data.slots = 3;
  config.train.batch_size = 128;
  const std::uint64_t one = ring_layout(config, Dtype::kF16).total_bytes();
  CHECK(one == 3 * (128 * 112 * 112 * 3 * 2 + 2 * 4096));
  CHECK(ring_bytes(config, Dtype::kF16, 4, 4096) == 4 * one);
  CHECK(ring_bytes(config, Dtype::kF16, 4, 65536) == 4 * ((one + 65535) / 65536 * 65536));
  CHECK(ring_bytes(config, Dtype::kF32, 1, 4096) > 2 * one - 6 * 4096 - 1);

  MemoryHeadroom headroom;
  headroom.available = 1000;
  CHECK(worst(host_memory_findings(500, 0, headroom)) == Severity::kOk);
  CHECK(worst(host_memory_findings(501, 0, headroom)) == Severity::kWarning);
  CHECK(worst(host_memory_findings(1000, 0, headroom)) == Severity::kWarning);
  CHECK(worst(host_memory_findings(1001, 0, headroom)) == Severity::kRefused);
  CHECK(worst(host_memory_findings(400, 601, headroom)) == Severity::kRefused);
  headroom.cgroup_left = 100;
  CHECK(has(host_memory_findings(101, 0, headroom), Severity::kRefused, "the cgroup leaves"));
}

TEST_CASE("models against the free space of the disk") {
  CHECK(worst(disk_findings("w", 100, 10, 2000)) == Severity::kOk);
  CHECK(worst(disk_findings("w", 100, 10, 1200)) == Severity::kWarning);
  CHECK(worst(disk_findings("w", 100, 10, 999)) == Severity::kRefused);
  const test::TemporaryFolder folder;
  const std::uint64_t here = free_space(folder / ".");
  CHECK(here > 0);
  const double below = static_cast<double>(free_space(folder / "not/yet/there"));
  CHECK(below == doctest::Approx(static_cast<double>(here)).epsilon(0.2));
  CHECK_THROWS_AS(free_space(std::string(5000, 'x')), Error);
}

TEST_CASE("sizes of networks") {
  Config config;
  const NetworkSize r50 = *network_size(config);
  // Of the reference's classes: their parameters, and what torch's saved_tensors_hooks saw a float32 forward
  // of two pictures keep, per picture and with the picture itself (38 MB of fp16 is a planning figure).
  CHECK(r50.parameters == 43590848);
  CHECK(static_cast<double>(r50.kept_numbers) == doctest::Approx(17744256.0).epsilon(0.005));
  CHECK(static_cast<double>(r50.kept_numbers) * 2 == doctest::Approx(38e6).epsilon(0.1));
  config.model.mode = "se";
  CHECK(network_size(config)->parameters == 43634368);
  config.model.mode = "normal";
  config.model.depth = "100";
  const NetworkSize r100 = *network_size(config);
  CHECK(r100.parameters == 65156160);
  CHECK(static_cast<double>(r100.kept_numbers) == doctest::Approx(27995904.0).epsilon(0.005));
  CHECK(r100.kept_numbers > r50.kept_numbers);
  config.model.checkpoint = true;
  CHECK(network_size(config)->kept_numbers * 2 < r100.kept_numbers);
  config.model.checkpoint = false;
  config.model.model = "vit";
  config.model.depth = "s";
  CHECK(network_size(config)->parameters == 76023296);
  CHECK(static_cast<double>(network_size(config)->kept_numbers) ==
        doctest::Approx(16341302.0).epsilon(0.005));
  config.model.depth = "b";
  CHECK(network_size(config)->parameters == 113833472);
  CHECK(static_cast<double>(network_size(config)->kept_numbers) ==
        doctest::Approx(29037392.0).epsilon(0.015));
  config.model.depth = "l";
  CHECK(network_size(config)->parameters == 255684352);
  config.model.model = "mobilefacenet";
  const NetworkSize mbf = *network_size(config);  // arcface_torch's get_mbf(False, 512)
  CHECK(mbf.parameters == 2059520);
  CHECK(mbf.multiply_adds == 437520896);
  CHECK(static_cast<double>(mbf.kept_numbers) == doctest::Approx(11272000.0).epsilon(0.015));
}

TEST_CASE("the estimate of a GPU's memory") {
  Config config;
  config.train.precision = "fp32";
  NetworkSize size;
  size.parameters = 1000;
  size.kept_numbers = 10;
  TrainingMemory memory = training_memory(config, size, 10, 4);
  CHECK(memory.parameters == 1000 * 4 * 3);
  CHECK(memory.activations == 128 * 10 * 4);
  CHECK(memory.head == 3 * 512 * 4 * 3 + 128 * 4 * 3 * 4 * 3);  // 3 of 10 classes on the first of 4 ranks
  config.head.sample_rate = 0.5;
  CHECK(training_memory(config, size, 10, 4).head == 3 * 512 * 4 * 3 + 128 * 4 * 3 * 4 * 3 / 2);
  config.train.precision = "fp16";
  config.train.optimizer = "adamw";
  memory = training_memory(config, size, 10, 4);
  CHECK(memory.parameters == 1000 * 4 * 4 + 1000 * 2);
  CHECK(memory.activations == 128 * 10 * 2);

  memory = {10 * kGib, 20 * kGib, 10 * kGib};
  CHECK(worst(gpu_memory_findings(memory, {})) == Severity::kNote);
  CHECK(worst(gpu_memory_findings(memory, 80 * kGib)) == Severity::kOk);
  CHECK(worst(gpu_memory_findings(memory, 45 * kGib)) == Severity::kWarning);
  CHECK(has(gpu_memory_findings(memory, 39 * kGib), Severity::kRefused, "about 40.00 GiB a GPU"));
}
