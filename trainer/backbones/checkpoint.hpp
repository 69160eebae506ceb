// Activation checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): a part of a
// network keeps only its input for backward, which computes everything else again.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "trainer/backbones/layers.hpp"

namespace facetrain {

// A part of a network as a function of one tensor; called with kTrain in forward and with kRecompute in
// backward, perhaps on another thread and without the caller's autocast. Both calls must compute the same:
// draw random numbers from keys, and leave running statistics alone in the second.
using Part = std::function<at::Tensor(const at::Tensor& x, Pass pass)>;

// part(x, kTrain), with the same gradients for x and for `parameters` (the leaves that `part` uses; each
// one's hooks run once per backward). What `part` refers to must live until backward has run. One backward
// per forward, and no gradients of gradients.
at::Tensor checkpoint(const at::Tensor& x, const std::vector<at::Tensor>& parameters, const Part& part);

}  // namespace facetrain
