// .pth files of Python: a committed one of a few tensors of every kind, and (from tests/e2e/pth_roundtrip.sh)
// whole networks both ways.
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>

#include <cstdlib>

#include "tests/golden/trainer/backbone_golden.hpp"
#include "trainer/weights/weights.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain::test {
namespace {

TEST_CASE("what Python's torch.save writes is read: dtypes, views, shared storage, metadata") {
  const auto state =
      load_state_dict(std::string(FACETRAIN_SOURCE_DIR) + "/tests/golden/data/python_small.pth");
  std::vector<std::string> names;
  for (const NamedTensor& t : state) names.push_back(t.name);
  REQUIRE(names == std::vector<std::string>{"plain", "transposed", "tail", "last", "parameter", "double",
                                            "half", "bfloat", "count", "int", "byte", "bool", "empty"});
  const auto tensor = [&](const std::string& name) { return *find_tensor(state, name); };
  const at::Tensor base = at::arange(24, at::kFloat).div(8).sub(1);
  CHECK(at::equal(tensor("plain"), base.view({2, 3, 4})));
  CHECK(at::equal(tensor("transposed"), base.view({4, 6}).t()));
  CHECK(at::equal(tensor("tail"), base.slice(0, 20)));
  CHECK(at::equal(tensor("last"), at::arange(24, at::kFloat).sub(5).view({2, 3, 2, 2})));
  const auto check = [&](const std::string& name, at::ScalarType type, const std::vector<double>& values) {
    CHECK_MESSAGE((tensor(name).scalar_type() == type), name);
    CHECK_MESSAGE(to_vector(tensor(name)) == values, name);
  };
  check("parameter", at::kFloat, {1.5, -2.5});
  check("double", at::kDouble, {1.0 / 3, -1e300});
  check("half", at::kHalf, {0.5, 65504});
  check("bfloat", at::kBFloat16, {0.5, -3});
  check("int", at::kInt, {-7, 7});
  check("byte", at::kByte, {0, 255});
  check("bool", at::kBool, {1, 0});
  CHECK(tensor("count").item<std::int64_t>() == std::int64_t{1} << 40);
  CHECK(tensor("count").dim() == 0);
  CHECK(tensor("empty").sizes() == at::IntArrayRef({0, 3}));
}

// One network each way: reads FACETRAIN_PTH_DIR/python.pth (one of our networks, filled by the formula in
// Python), checks every name and value, and writes the network as FACETRAIN_PTH_DIR/ours.pth.
TEST_CASE("whole networks are exchanged with Python" *
          doctest::description("driven by tests/e2e/pth_roundtrip.sh")) {
  const char* folder = std::getenv("FACETRAIN_PTH_DIR");
  if (folder == nullptr) return;
  const auto given = load_state_dict(std::string(folder) + "/python.pth");
  const BackboneSpec spec = spec_from_state(given);
  const auto expected = make_backbone(spec, 1), net = make_backbone(spec, 2);
  fill_by_formula(*expected, spec.model == "iresnet");
  load_into(*net, given);
  for (std::size_t i = 0; i < given.size(); ++i) {
    REQUIRE(given[i].name == net->state()[i].name);
    REQUIRE_MESSAGE(at::equal(net->state()[i].tensor.detach(), expected->state()[i].tensor.detach()),
                    given[i].name);
  }
  save_state_dict(std::string(folder) + "/ours.pth", net->state());
  MESSAGE("exchanged " << spec.model << " " << spec.depth << " " << spec.mode);
}

}  // namespace
}  // namespace facetrain::test
