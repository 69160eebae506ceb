// The state_dict of every network is the reference's: the same names in the same order, the same shapes and
// dtypes, so that weights load strictly both ways (record_backbones.py, record_state).
#include <c10/core/ScalarType.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "common/fnv.hpp"
#include "trainer/backbones/backbone.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain {
namespace {

struct Module {
  std::string name;  // the first part of its tensors' names
  std::string text;  // a line "name dtype shape" for each tensor
  std::size_t tensors = 0;
};

std::vector<Module> modules_of(const Backbone& net) {
  std::vector<Module> modules;
  for (const NamedTensor& t : net.state()) {
    const std::string module = t.name.substr(0, t.name.find('.'));
    if (modules.empty() || modules.back().name != module) modules.push_back({module, "", 0});
    std::string line = t.name + (t.tensor.scalar_type() == at::kLong    ? " int64 "
                                 : t.tensor.scalar_type() == at::kFloat ? " float32 "
                                                                        : " another ");
    for (std::int64_t d = 0; d < t.tensor.dim(); ++d)
      line += (d > 0 ? " " : "") + std::to_string(t.tensor.size(d));
    modules.back().text += line + "\n";
    ++modules.back().tensors;
  }
  return modules;
}

struct Recorded {
  std::string module;
  std::size_t tensors = 0;
  std::uint64_t digest = 0;
};

std::map<std::string, std::vector<Recorded>> recorded() {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/state_dicts.txt");
  std::map<std::string, std::vector<Recorded>> networks;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string network;
    Recorded entry;
    words >> network >> entry.module >> entry.tensors >> std::hex >> entry.digest;
    networks[network].push_back(entry);
  }
  return networks;
}

BackboneSpec spec_of(const std::string& network) {
  if (network == "mobilefacenet") return {.model = "mobilefacenet"};
  const std::size_t end = network.find('_');
  return {.depth = network.substr(7, end - 7), .mode = network.substr(end + 1)};  // iresnet<depth>_<mode>
}

TEST_CASE("names, order, shapes and dtypes of every network's state_dict are the reference's") {
  const auto networks = recorded();
  REQUIRE(networks.size() == 13);  // IResNet 18, 34, 50, 100, 152, 200, normal and se; MobileFaceNet
  for (const auto& entry : networks) {
    const std::string& network = entry.first;
    const std::vector<Recorded>& expected = entry.second;
    CAPTURE(network);
    const std::vector<Module> modules = modules_of(*make_backbone(spec_of(network), 1));
    REQUIRE(modules.size() == expected.size());
    for (std::size_t i = 0; i < modules.size(); ++i) {
      CHECK(modules[i].name == expected[i].module);
      CHECK(modules[i].tensors == expected[i].tensors);
      CHECK_MESSAGE(fnv1a_64(modules[i].text) == expected[i].digest, modules[i].text);
    }
  }
}

}  // namespace
}  // namespace facetrain
