// The table of networks. To add one: a file that defines its BackboneKind (see iresnet.cpp), a line in
// registry.cpp's list, its name in keys.def's one_of, and a test.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "trainer/backbones/backbone.hpp"

namespace facetrain {

struct BackboneKind {
  std::unique_ptr<Backbone> (*make)(const BackboneSpec& spec, std::uint64_t seed);
  // Reads the shape off a state_dict; nullopt if it is another network's.
  std::optional<BackboneSpec> (*recognise)(const std::vector<NamedTensor>& state);
};

struct BackboneEntry {
  std::string_view name;
  const BackboneKind* kind;
};
std::span<const BackboneEntry> backbone_registry();

// The tensor of that name, or nullptr.
const at::Tensor* find_tensor(const std::vector<NamedTensor>& state, std::string_view name);

}  // namespace facetrain
