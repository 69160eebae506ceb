// The Vision Transformer of the reference (SOTA-Face-Recognition-Train-and-Test, model/vit.py), of any size;
// vit.cpp names the three that it trains.
#pragma once

#include <cstdint>
#include <memory>

#include "trainer/backbones/backbone.hpp"

namespace facetrain {

struct VitShape {
  std::int64_t dim = 512, depth = 12, heads = 8;
  // Training sees 129 of the 144 patches, drawn anew for each picture; the others' outputs are a trained
  // token. (The reference asks for 5 % and masks 10 %: its forward does not pass the ratio on.)
  bool masks = false;
  double drop_path_rate = 0.05;  // of the last block; the first has none, those between are evenly spaced
};

// Patches of 9 x 9: of a 112 x 112 picture the first 108 rows and columns. Uses spec's embedding_size,
// checkpoint and precision.
std::unique_ptr<Backbone> make_vit(const VitShape& shape, const BackboneSpec& spec, std::uint64_t seed);

}  // namespace facetrain
