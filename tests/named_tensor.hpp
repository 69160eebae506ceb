// A network's tensor by its name in a state_dict, for tests.
#pragma once

#include <stdexcept>
#include <string>

#include "trainer/backbones/backbone.hpp"

namespace facetrain::test {

// A copy of the entry, which shares the tensor's memory.
inline NamedTensor named(const Backbone& net, const std::string& name) {
  for (const NamedTensor& entry : net.state())
    if (entry.name == name) return entry;
  throw std::runtime_error("no tensor named " + name);
}

}  // namespace facetrain::test
