// facetrain embed as a job of one data service and two trainers, against the features that the parent's own
// feature_extractor.py writes (tests/golden/record_embed.py), and against our validation's embeddings.
#include <ATen/ATen.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/io/npy.hpp"
#include "tests/golden/dataservice/pixels.hpp"
#include "tests/golden/trainer/backbone_golden.hpp"
#include "tests/png_file.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"
#include "trainer/validation/embed.hpp"
#include "trainer/weights/weights.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain::test {
namespace {

const std::vector<std::pair<std::string, std::uint32_t>> kPictures{
    {"blocks", 1}, {"sawtooth", 2}, {"noise", 3}, {"blocks", 4}, {"sawtooth", 5}};

at::Tensor rows_of(const MappedNpy& npy) {
  const std::vector<std::uint64_t> shape{kPictures.size(), kEmbedding};
  npy.require("<f4", shape);
  return at::from_blob(const_cast<std::byte*>(npy.bytes().data()),
                       {static_cast<std::int64_t>(kPictures.size()), kEmbedding}, at::kFloat)
      .clone();
}

// The largest difference, relative to the largest magnitude of the expected row.
double difference(const at::Tensor& got, const at::Tensor& expected) {
  return ((got - expected).abs().amax(1) / expected.abs().amax(1)).max().item<double>();
}

TEST_CASE("the features of a job equal the parent's and our validation's") {
  const TemporaryFolder folder;
  BackboneSpec spec;
  spec.depth = "18";
  spec.mode = "se";
  const auto network = make_backbone(spec, 1);
  fill_by_formula(*network, true);
  network->train(false);
  save_state_dict(folder / "m.pth", network->state());

  std::string list;
  std::vector<std::byte> planes;  // as a validation set stores them
  for (const auto& [kind, seed] : kPictures) {
    const Image image = golden::pattern(kind, seed, 112, 112);
    const std::string path = folder / (kind + "/" + std::to_string(seed) + ".png");
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_png(path, 112, 112, image.pixels);
    list += path + "\n";
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t i = c; i < image.pixels.size(); i += 3)
        planes.push_back(static_cast<std::byte>(image.pixels[i]));
  }
  write_file_atomically(folder / "list.txt", list);
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  const std::string command = "facetrain embed --model_path " + (folder / "m.pth") + " --source " +
                              (folder / "list.txt") +
                              " --batch 2 --threads 1 --trainers 2 --depth 18 --mode se";
  const ToolRun job = run_tool(command + " --per_image -dest " + (folder / "features"));
  REQUIRE_MESSAGE(job.code == 0, job.output);
  const at::Tensor features = rows_of(MappedNpy(folder / "features/features.npy"));

  const auto golden = read_golden_numbers(FACETRAIN_SOURCE_DIR "/tests/golden/data/embed.txt");
  std::vector<at::Tensor> recorded;
  for (const auto& [kind, seed] : kPictures) {
    const std::string name = kind + "/" + std::to_string(seed);
    recorded.push_back(at::tensor(golden.at(name), at::kDouble).to(at::kFloat));
    const MappedNpy one(folder / ("features/" + name + ".npy"));  // the parent's layout
    const std::vector<std::uint64_t> shape{kEmbedding};
    one.require("<f4", shape);
    const at::Tensor row = features[static_cast<std::int64_t>(recorded.size()) - 1].contiguous();
    CHECK(std::memcmp(one.bytes().data(), row.const_data_ptr<float>(), one.bytes().size()) == 0);
  }
  const double to_parent = difference(features, at::stack(recorded));
  MESSAGE("relative difference to the parent's features: " << to_parent);
  CHECK(to_parent < 1e-4);  // measured: 3e-6; float32 convolutions differ between CPUs

  const at::Tensor validated = embed_pictures(*network, planes, Fusion::kNone, 2);
  const double to_validation = difference(features, validated);
  MESSAGE("relative difference to validation's embeddings: " << to_validation);
  CHECK(to_validation < 1e-4);  // validation rounds the normalised bytes once, the ring twice

  const ToolRun flipped =
      run_tool(command + " --add_flip --bgr --mean 0.4 --std 0.3 -dest " + (folder / "f.npy"));
  REQUIRE_MESSAGE(flipped.code == 0, flipped.output);
  const at::Tensor expected = embed_pictures(*network, planes, Fusion::kAdd, 2, {true, 0.4, 0.3});
  CHECK(difference(rows_of(MappedNpy(folder / "f.npy")), expected) < 1e-4);
  CHECK(difference(features, expected) > 1e-2);
}

}  // namespace
}  // namespace facetrain::test
