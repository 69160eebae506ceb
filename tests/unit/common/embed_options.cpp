// `facetrain embed`: what its flags become, and the parent's layout of a file per picture.
#include "common/launch/embed_options.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <vector>

#include "common/config/job_kind.hpp"
#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/io/npy.hpp"
#include "common/launch/embed_command.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

namespace {

EmbedOptions parse(const std::vector<std::string>& words, int gpus = 0) {
  return parse_embed_options(words, gpus);
}

Config config_of(const EmbedOptions& options) {
  return load_config(options.request.config_path, options.request.sets);
}

const std::vector<std::string> kLeast{"--model_path", "m x.pth", "--source", "list \"1\".txt"};

std::vector<std::string> with(std::vector<std::string> more) {
  more.insert(more.begin(), kLeast.begin(), kLeast.end());
  return more;
}

}  // namespace

TEST_CASE("the flags become a configuration that every process reads without a file") {
  const EmbedOptions least = parse(kLeast);
  const Config config = config_of(least);
  CHECK(is_embedding(config));
  CHECK(config.embed.model_path == "m x.pth");
  CHECK(config.data.train_source == std::vector<std::string>{"list \"1\".txt"});
  CHECK(config.embed.destination == "features.npy");
  CHECK_FALSE(config.embed.add_flip);
  CHECK_FALSE(config.data.augment);
  CHECK_FALSE(config.data.flip);
  CHECK_FALSE(config.data.rand_erase);
  CHECK(config.train.epochs == 1);
  CHECK(config.train.batch_size == 32);
  CHECK(config_of(parse(kLeast, 1)).train.batch_size == 512);
  CHECK(least.per_image.empty());

  const Config all = config_of(
      parse(with({"-dest",      "out/f.npy",   "--add_flip", "--bgr",     "--mean=0", "--std",     "1",
                  "--depth",    "100",         "--mode",     "se",        "--model",  "iresnet",   "--batch",
                  "7",          "--precision", "fp32",       "--workers", "3",        "--threads", "2",
                  "--trainers", "2",           "--gpus",     "0,2"})));
  CHECK(all.embed.destination == "out/f.npy");
  CHECK(all.embed.add_flip);
  CHECK(all.data.bgr);
  CHECK(all.data.pixel_mean == 0);
  CHECK(all.data.pixel_std == 1);
  CHECK(all.embed.depth == "100");
  CHECK(all.embed.mode == "se");
  CHECK(all.embed.model == "iresnet");
  CHECK(all.train.batch_size == 7);
  CHECK(all.train.precision == "fp32");
  CHECK(all.data.workers == 3);
  CHECK(all.launch.threads == 2);
  CHECK(all.launch.trainers == 2);
  CHECK(all.launch.gpus == std::vector<std::int64_t>{0, 2});

  const EmbedOptions parent = parse(with({"--per_image", "-dest", "feats/"}));
  CHECK(parent.per_image == "feats");
  CHECK(parent.destination == "feats/features.npy");
  CHECK(parse(with({"--per_image"})).per_image == "./features");
  CHECK(parse({"--help"}).help);
}

TEST_CASE("what embed refuses") {
  CHECK_THROWS_WITH_AS(parse({"--source", "x"}), doctest::Contains("missing --model_path"), Error);
  CHECK_THROWS_WITH_AS(parse({"--model_path", "x"}), doctest::Contains("missing --source"), Error);
  CHECK_THROWS_WITH_AS(parse(with({"-dest", "folder"})), doctest::Contains("must end in .npy"), Error);
  CHECK_THROWS_WITH_AS(parse(with({"--per_image", "-dest", "a.npy"})), doctest::Contains("looks like a file"),
                       Error);
  CHECK_THROWS_WITH_AS(config_of(parse(with({"--precision", "fp8"}))), doctest::Contains("train.precision"),
                       Error);
  CHECK_THROWS_WITH_AS(parse(with({"--trainers", "0"})), doctest::Contains("--trainers"), Error);
}

TEST_CASE("--gpus is train's: a trainer for each, and numbers only") {
  const Config config = config_of(parse(with({"--gpus", "0,2"})));
  CHECK(config.launch.gpus == std::vector<std::int64_t>{0, 2});
  CHECK(config.launch.trainers == 2);
  for (const char* wrong : {"", "a", "0,", "0,,1", "0] #", "0 1"})
    CHECK_THROWS_WITH_AS(
        parse(with({std::string("--gpus=") + wrong})),
        (std::string("--gpus ") + wrong + ": expected numbers with commas between, such as 0,2").c_str(),
        Error);
}

TEST_CASE("the list that is read is not overwritten") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "m.pth", "weights");
  write_file_atomically(folder / "faces.txt", "a.jpg\n");
  write_file_atomically(folder / "faces.bad_images.txt", "a.jpg\n");
  std::filesystem::create_symlink("faces.txt", folder / "link.txt");
  const auto embed = [&](const std::string& source, const std::string& destination) {
    const std::vector<std::string> words{"--model_path", folder / "m.pth", "--source",   source,
                                         "-dest",        destination,      "--trainers", "1"};
    return embed_command(words, folder / "no_programs");
  };
  const std::string faces = folder / "faces.npy";
  CHECK_THROWS_WITH_AS(embed(folder / "faces.txt", faces),
                       ("--destination " + faces + " would write " + (folder / "faces.txt") +
                        " over the source " + (folder / "faces.txt") + "; give --destination another name")
                           .c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(embed(folder / "link.txt", faces), doctest::Contains("over the source"), Error);
  CHECK_THROWS_WITH_AS(embed(folder / "faces.bad_images.txt", faces), doctest::Contains("over the source"),
                       Error);
  // Another name gets as far as the programs, which are not there.
  CHECK_THROWS_WITH_AS(embed(folder / "faces.txt", folder / "features.npy"), doctest::Contains("no_programs"),
                       Error);
}

TEST_CASE("a file per picture, as the parent lays them out; NaN rows are left out") {
  const test::TemporaryFolder folder;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{1, 2, nan, nan, 5, 6};
  NpyWriter array(folder / "f.npy", "<f4", {3, 2});
  array.write(std::as_bytes(std::span(values)));
  array.commit();
  write_file_atomically(folder / "f.txt", "/x/anna/1.jpg\n/x/anna/2.jpg\ny/bob/1.v2.jpeg\n");
  CHECK(write_per_image(folder / "f.npy", folder / "f.txt", folder / "out") == 2);
  const auto row = [&](const std::string& name) {
    const MappedNpy npy(folder / ("out/" + name));
    const std::vector<std::uint64_t> shape{2};
    npy.require("<f4", shape);
    const auto* first = reinterpret_cast<const float*>(npy.bytes().data());
    return std::vector<float>(first, first + 2);
  };
  CHECK(row("anna/1.npy") == std::vector<float>{1, 2});
  CHECK(row("bob/1.v2.npy") == std::vector<float>{5, 6});
  CHECK_FALSE(std::filesystem::exists(folder / "out/anna/2.npy"));
  // A file that is there already is replaced, not written into: whoever reads it has the old or the new one.
  std::filesystem::create_hard_link(folder / "out/anna/1.npy", folder / "kept.npy");
  const std::vector<float> others{7, 8, nan, nan, 5, 6};
  NpyWriter again(folder / "f.npy", "<f4", {3, 2});
  again.write(std::as_bytes(std::span(others)));
  again.commit();
  CHECK(write_per_image(folder / "f.npy", folder / "f.txt", folder / "out") == 2);
  CHECK(row("anna/1.npy") == std::vector<float>{7, 8});
  CHECK(row("../kept.npy") == std::vector<float>{1, 2});
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "out/anna"), {}) == 1);

  write_file_atomically(folder / "f.txt", "/x/anna/1.jpg\n/x/bob/1.jpg\n/y/anna/1.png\n");
  CHECK_THROWS_WITH_AS(write_per_image(folder / "f.npy", folder / "f.txt", folder / "other"),
                       doctest::Contains("/x/anna/1.jpg and /y/anna/1.png would share the file anna/1.npy"),
                       Error);
  CHECK_FALSE(std::filesystem::exists(folder / "other"));
  write_file_atomically(folder / "f.txt", "/x/anna/1.jpg\n");
  CHECK_THROWS_WITH_AS(write_per_image(folder / "f.npy", folder / "f.txt", folder / "other"),
                       doctest::Contains("has 3 rows, but"), Error);
}
