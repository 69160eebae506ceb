// The weights of record_parity_run.py as files for facetrain train --init-from and --init-head: written to
// FACETRAIN_PARITY_DIR (W.pth, H17.pth, H16.pth) for tests/e2e/parity_run.sh, and read back as that command
// does.
#include "trainer/weights/initial_weights.hpp"

#include <ATen/ATen.h>

#include <cstdlib>
#include <string>

#include "tests/golden/training_formula.hpp"
#include "tests/temporary_folder.hpp"
#include "trainer/comm/mpi_communicator.hpp"
#include "trainer/weights/weights.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

TEST_CASE("IResNet-18 and its class centres by formula, as files") {
  constexpr std::int64_t kSize = 512;
  const facetrain::test::TemporaryFolder scratch;
  const char* given = std::getenv("FACETRAIN_PARITY_DIR");
  const std::string folder = given != nullptr ? given : scratch.path().string();
  const BackboneSpec spec{.depth = "18", .mode = "normal", .embedding_size = kSize, .dropout = 0};
  const auto exact = make_backbone(spec, 1), read = make_backbone(spec, 2);
  exact->to(at::kCPU, at::kDouble);
  facetrain::test::fill_for_training(*exact);
  save_state_dict(folder + "/W.pth", exact->state());
  read->to(at::kCPU, at::kDouble);
  init_backbone(*read, folder + "/W.pth");
  for (std::size_t i = 0; i < exact->state().size(); ++i) {
    const at::Tensor& value = exact->state()[i].tensor;
    const at::Tensor rounded = value.is_floating_point() ? value.to(at::kFloat).to(at::kDouble) : value;
    REQUIRE_MESSAGE(read->state()[i].tensor.equal(rounded), exact->state()[i].name);
  }

  SelfCommunicator alone;
  Config config;
  config.head.margin = {0.5};
  for (const std::int64_t classes : {16, 17}) {
    const at::Tensor centres = facetrain::test::centres_for_training(classes, kSize);
    const std::string path = folder + "/H" + std::to_string(classes) + ".pth";
    save_state_dict(path, {{"weight", centres}});
    ShardedClassifier classifier({classes, kSize, 1, at::kCPU, at::kDouble, at::kDouble}, make_head(config),
                                 alone);
    init_centres(classifier, path);
    CHECK(classifier.weight().equal(centres.to(at::kFloat).to(at::kDouble)));
  }
}
