// Half precision as torch.amp.autocast has it: parameters stay in float32, convolutions and linear layers
// compute in half, other operators as autocast's lists say. Autocast casts each weight by a kernel of its own
// and each weight's gradient back by another; here all weights of a network are cast at once, and gradients
// are handed on as they come. The numbers are the same.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <optional>
#include <vector>

namespace facetrain {

// Autocast to `dtype` on a kind of device while it lives; nothing for nullopt. Frees what autocast itself has
// cast at the outermost end.
class AutocastRegion {
 public:
  AutocastRegion(std::optional<at::ScalarType> dtype, at::DeviceType device);
  ~AutocastRegion();
  AutocastRegion(const AutocastRegion&) = delete;
  AutocastRegion& operator=(const AutocastRegion&) = delete;

 private:
  std::optional<at::ScalarType> previous_dtype_;
  at::DeviceType device_;
  bool previously_on_ = false;
};

// The weight of a layer.
struct Weight {
  at::Tensor kept;                   // the parameter
  std::shared_ptr<at::Tensor> cast;  // in half; undefined in a pass without autocast; null: never cast
  // What the layer computes with. The gradient goes to `kept`: in the cast's own type if kept.grad_dtype() is
  // nullopt, as GradientBuckets wants it, else autograd casts it back.
  at::Tensor operator()() const;
};

// Gives the weights their casts to `dtype` for a forward pass, its backward and what that computes again, or
// takes them away (nullopt). New memory each time: a graph of the pass before keeps its own.
void cast_weights(const std::vector<Weight>& weights, std::optional<at::ScalarType> dtype);

}  // namespace facetrain
