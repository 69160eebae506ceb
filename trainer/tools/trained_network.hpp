// A network from a .pth file, ready to embed pictures: what verify and submit share, flags included.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/cli/flags.hpp"
#include "trainer/backbones/backbone.hpp"
#include "trainer/validation/picture_rows.hpp"

namespace facetrain {

// --model_path, --model, --mode, --depth, --precision, --batch_size, --threads, with the reference's other
// spellings.
std::vector<FlagSpec> network_flags();

// --bgr, --mean, --std: how the network wants its pictures; the weights do not say. Default: RGB, 0.5, 0.5.
std::vector<FlagSpec> picture_flags();
// Throws Error(kConfig) for a mean or std that is no number or out of range.
PictureFormat picture_format_of(const Flags& flags);

// What a user says of a network; empty: nothing.
struct GivenNetwork {
  std::string model, depth, mode;
};

// `read` is what the weights in `path` say. Throws Error(kConfig), naming both, where they differ.
void check_given(const BackboneSpec& read, const GivenNetwork& given, const std::string& path);
// The same with --model, --depth and --mode.
void check_given(const BackboneSpec& read, const Flags& flags, const std::string& path);

struct TrainedNetwork {
  std::unique_ptr<Backbone> backbone;  // in eval mode, on GPU 0 if there is one
  std::string precision;               // its arithmetic: fp32, fp16 or bf16
  bool on_gpu = false;
  std::size_t batch =
      1;  // pictures per forward pass: --batch_size, else 512 on a GPU (the reference's), 32 on a CPU
};

// Reads the weights and builds the network that they are of. Arithmetic: --precision, else fp16 on a GPU (as
// the reference's) and fp32 on a CPU. Sets torch's thread count when --threads is given.
TrainedNetwork load_network(const Flags& flags);

}  // namespace facetrain
