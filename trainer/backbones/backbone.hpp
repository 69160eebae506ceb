// The seam for networks that turn pictures into embeddings. Narrow on purpose: only tensors cross it, so that
// nothing outside backbones/ compiles network code.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/config/config.hpp"

namespace facetrain {

// A named tensor of a backbone, in the order and with the name of the reference's state_dict.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
  bool is_buffer = false;    // BatchNorm statistics: saved, not trained
  bool trainable = true;     // false: saved, never updated (the last BatchNorm's weight)
  bool weight_decay = true;  // false for BatchNorm's weight and bias
};

// Where a row of the batch sits, for random decisions (dropout, drop path, patch masks) that do not depend on
// the world size.
struct DropoutKey {
  std::uint64_t seed = 42;
  std::uint64_t step = 0;             // global, 0-based
  std::uint32_t rank = 0, world = 1;  // row r of this rank is row r * world + rank of the step's global batch
};

class Backbone {
 public:
  virtual ~Backbone() = default;

  // images (B, 3, H, W), any memory format, in [-1, 1] -> embeddings (B, E), float32 (float64 for a float64
  // network).
  virtual at::Tensor forward(const at::Tensor& images, const DropoutKey& dropout) = 0;
  // Parameters and buffers in state_dict order; the tensors are the backbone's own (assigning into them
  // changes it).
  virtual const std::vector<NamedTensor>& state() const = 0;
  virtual void train(bool on) = 0;  // BatchNorm and dropout
  // Moves the network's floating tensors, also to `dtype`: kFloat, or kDouble for proofs (BatchNorm's counts
  // of batches stay on the CPU). The tensors of state() keep their identity: handles taken before still are
  // the network's; gradients are dropped.
  virtual void to(at::Device device, at::ScalarType dtype) = 0;
};

// What identifies a network's shape; readable off a state_dict too (see weights/).
struct BackboneSpec {
  std::string model = "iresnet";  // iresnet, mobilefacenet, vit
  std::string depth = "50";       // vit: s, b, l
  std::string mode = "normal";    // normal, se
  double width = 1.0;             // mobilefacenet
  std::int64_t embedding_size = 512;
  double dropout = 0.4;     // iresnet
  bool checkpoint = false;  // iresnet, vit: training keeps the blocks' inputs and computes the rest again
  std::string fused_norm = "auto";  // iresnet: on, off, or auto, which is on for a GPU
  // Autocast of the convolutional part: fp16 (GPU only; a CPU network computes in float32) or bf16. fp32,
  // fp64: none; for fp64 also call to(device, at::kDouble). The last linear layer is never autocast.
  std::string precision = "fp32";
};
// The [model] table and [train] precision. Throws Error(kConfig) for an input size other than 112 x 112.
BackboneSpec backbone_spec(const Config& config);

// Builds and initialises the network (as the reference does, but from `seed` alone: equal on every rank),
// float32, on the CPU. Throws Error(kConfig) for an unknown model, depth or mode.
std::unique_ptr<Backbone> make_backbone(const BackboneSpec& spec, std::uint64_t seed);

}  // namespace facetrain
