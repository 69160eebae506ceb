// A scalar on its way from the device to the host, so that nobody has to wait for the step that computes it.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace facetrain {

class ScalarCopy {
 public:
  // Begins the copy, into page-locked memory, behind what the current stream has been given so far. A scalar
  // on the CPU is there at once.
  explicit ScalarCopy(const at::Tensor& scalar);

  bool arrived() const;  // asks, does not wait
  double value() const;  // waits, without spinning. Throws Error(kInternal) when the device failed.

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace facetrain
