// Weights as .pth files that people exchange: what Python's torch.save writes of a state_dict, both ways.
#pragma once

#include <string>
#include <vector>

#include "trainer/backbones/backbone.hpp"

namespace facetrain {

// Writes the tensors as torch.save(OrderedDict) does: floating ones as contiguous float32, integers as int64.
// Python's torch.load(path, weights_only=True) reads it. The file appears whole or not at all. Throws
// Error(kIo).
void save_state_dict(const std::string& path, const std::vector<NamedTensor>& state);

// Reads a state_dict that torch.save wrote (PyTorch >= 1.6), in its order and dtypes, on the CPU. Runs no
// code of the file: any global other than what tensors need is refused by name. Throws Error(kInput); for
// files of the older format it says how to save them anew.
std::vector<NamedTensor> load_state_dict(const std::string& path);

// Copies the weights into the network, by name and converting dtypes; a prefix "module." (of DDP) is ignored.
// Strict: names missing or left over and shapes that differ are listed, all of them, in one Error(kInput),
// and the network stays as it was.
void load_into(Backbone& backbone, const std::vector<NamedTensor>& state);

// The network that the weights are of: model, depth, mode, width, embedding size. Throws Error(kInput) if it
// is none of ours.
BackboneSpec spec_from_state(const std::vector<NamedTensor>& state);

}  // namespace facetrain
