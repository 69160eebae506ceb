// The communicator of a custom autograd function, from its forward to its backward. A context keeps values,
// not references: the communicator's address travels as a number, and it must outlive the backward.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>

#include "trainer/comm/communicator.hpp"

namespace facetrain {

inline void keep_communicator(torch::autograd::AutogradContext* context, Communicator* trainers) {
  context->saved_data["trainers"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(trainers));
}

inline Communicator& kept_communicator(torch::autograd::AutogradContext* context) {
  return *reinterpret_cast<Communicator*>(
      static_cast<std::intptr_t>(context->saved_data["trainers"].toInt()));
}

}  // namespace facetrain
