// Starting from given weights: the backbone's by name, the class centres' rows by rank; what does not fit is
// refused.
#include "trainer/weights/initial_weights.hpp"

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "common/error.hpp"
#include "tests/mpi/linear_backbone.hpp"
#include "tests/mpi/world.hpp"
#include "tests/temporary_folder.hpp"
#include "trainer/weights/weights.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::draw;
using facetrain::test::LinearBackbone;
using facetrain::test::TemporaryFolder;
using facetrain::test::world;

namespace {

constexpr std::int64_t kClasses = 7, kSize = 4;

ShardedClassifier classifier(at::ScalarType type) {
  Config config;
  config.head.margin = {0.5};
  return {{kClasses, kSize, 1, at::kCPU, type, type}, make_head(config), world()};
}

std::string refusal(ShardedClassifier& classifier, const std::vector<NamedTensor>& state) {
  const TemporaryFolder folder;
  save_state_dict(folder / "h.pth", state);
  try {
    init_centres(classifier, folder / "h.pth");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInput);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("each rank takes its rows of the given centres") {
  const TemporaryFolder folder;
  const at::Tensor all = draw({kClasses, kSize}, 5, at::kFloat);
  save_state_dict(folder / "h.pth", {{"weight", all}});
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    ShardedClassifier ours = classifier(type);
    init_centres(ours, folder / "h.pth");
    const ClassShard shard = ours.shard();
    CHECK(ours.weight().detach().equal(all.narrow(0, shard.first, shard.count).to(type)));
    CHECK(ours.weight().requires_grad());
  }
}

TEST_CASE("centres that do not fit are refused") {
  ShardedClassifier ours = classifier(at::kFloat);
  const at::Tensor before = ours.weight().detach().clone();
  CHECK(refusal(ours, {{"weight", at::zeros({kClasses + 1, kSize})}})
            .find("weight is 8 x 4, but this run has 7 classes and embeddings of 4") != std::string::npos);
  CHECK(refusal(ours, {{"weight", at::zeros({kClasses})}}) != "");
  CHECK(refusal(ours, {{"weight", at::zeros({kClasses, kSize + 1})}}) != "");
  CHECK(refusal(ours, {{"centres", at::zeros({kClasses, kSize})}}).find("it has centres;") !=
        std::string::npos);
  CHECK(refusal(ours, {{"weight", at::zeros({kClasses, kSize})}, {"t", at::zeros({1})}}) != "");
  CHECK(ours.weight().detach().equal(before));
  CHECK_THROWS_AS(init_centres(ours, "/nowhere/h.pth"), Error);
}

TEST_CASE("the backbone's weights must fit exactly") {
  const TemporaryFolder folder;
  LinearBackbone from(6, kSize, at::kFloat), into(6, kSize, at::kFloat);
  from.state()[0].tensor.detach().mul_(2);
  save_state_dict(folder / "w.pth", from.state());
  init_backbone(into, folder / "w.pth");
  for (std::size_t i = 0; i < from.state().size(); ++i)
    CHECK(into.state()[i].tensor.detach().equal(from.state()[i].tensor.detach()));
  save_state_dict(folder / "less.pth", {from.state()[0], from.state()[1]});
  CHECK_THROWS_WITH_AS(init_backbone(into, folder / "less.pth"), doctest::Contains("less.pth"), Error);
}
