// The manifest of a checkpoint: what is written is read back, and nothing else is taken for one.
#include "common/checkpoint/manifest.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"

using namespace facetrain;

namespace {

SavedFile file(std::uint64_t bytes) {
  SavedFile saved;
  saved.bytes = bytes;
  saved.checksums.assign((bytes + kChecksumBlock - 1) / kChecksumBlock, 0xABCDEF01u);
  saved.tensors = {{"backbone/a.\"quoted\"", "f32", {2, 3}, Share::kReplicated, 0, 24},
                   {"head/weight", "f64", {0, 512}, Share::kRows, 64, 0},
                   {"head/statistic.0", "i64", {}, Share::kRank, 64, 8}};
  return saved;
}

Manifest example() {
  Manifest m;
  m.position = {.updates = 40,
                .epoch = 2,
                .step = 8,
                .steps_per_epoch = 16,
                .world = 2,
                .nodes = 1,
                .global_batch = 512};
  m.data = {5'000'000, 100'000, 0xFEDCBA9876543210ull};
  m.accuracy = 0.1;
  m.best_accuracy = 1.0 / 3;
  m.best_step = 17;
  m.config = "[run]\nprefix = \"a\"\n\n[train]\nlr = 0.1\n";
  return m;
}

std::string text_of(const Manifest& m) {
  return print_manifest(m, {print_file(file(100)), print_file(file(2 * kChecksumBlock + 1))});
}

std::string error_of(const std::string& text) {
  try {
    parse_manifest(text, "m.toml");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInput);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a manifest is read back as it was written") {
  const Manifest m = example(), read = parse_manifest(text_of(m), "m.toml");
  CHECK(read.position.updates == 40);
  CHECK(read.position.epoch == 2);
  CHECK(read.position.step == 8);
  CHECK(read.position.steps_per_epoch == 16);
  CHECK(read.position.world == 2);
  CHECK(read.position.global_batch == 512);
  CHECK(read.data.samples == m.data.samples);
  CHECK(read.data.classes == m.data.classes);
  CHECK(read.data.digest == m.data.digest);
  CHECK(read.accuracy == m.accuracy);
  CHECK(read.best_accuracy == m.best_accuracy);
  CHECK(read.best_step == 17);
  CHECK(read.config == m.config);
  REQUIRE(read.files.size() == 2);
  CHECK(read.files[0].bytes == 100);
  CHECK(read.files[1].checksums == std::vector<std::uint32_t>(3, 0xABCDEF01u));
  REQUIRE(read.files[1].tensors.size() == 3);
  const SavedTensor& weight = read.files[1].tensors[1];
  CHECK(weight.name == "head/weight");
  CHECK(weight.type == "f64");
  CHECK(weight.shape == std::vector<std::int64_t>{0, 512});
  CHECK(weight.share == Share::kRows);
  CHECK(weight.offset == 64);
  CHECK(read.files[0].tensors[0].name == "backbone/a.\"quoted\"");
  CHECK(read.files[0].tensors[2].shape.empty());
  CHECK(read.files[0].tensors[2].share == Share::kRank);
}

TEST_CASE("a manifest cut off anywhere, or with any bit turned over, is not taken") {
  const std::string whole = text_of(example());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string error = error_of(whole.substr(0, size));
    CHECK_MESSAGE(error.starts_with("m.toml: "), size);
  }
  for (std::size_t bit = 0; bit < 8 * whole.size(); bit += 5) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CHECK_MESSAGE(!error_of(damaged).empty(), bit);
  }
}

TEST_CASE("a manifest that contradicts itself names what is wrong") {
  Manifest m = example();
  m.position.world = 3;
  CHECK(error_of(text_of(m)) == "m.toml: of 3 ranks, but it lists 2 files");
  SavedFile beyond = file(100);
  beyond.tensors[0].bytes = 101;
  CHECK(error_of(print_manifest(example(), {print_file(beyond), print_file(file(9))})) ==
        "m.toml: backbone/a.\"quoted\" lies beyond the end of its file");
  SavedFile few = file(100);
  few.checksums.clear();
  CHECK(error_of(print_manifest(example(), {print_file(few), print_file(file(9))})) ==
        "m.toml: a file of 100 bytes has 0 checksums");
}
