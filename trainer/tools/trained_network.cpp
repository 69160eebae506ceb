#include "trainer/tools/trained_network.hpp"

#include <ATen/Parallel.h>

#include "common/error.hpp"
#include "trainer/cuda/device.hpp"
#include "trainer/weights/weights.hpp"

namespace facetrain {

std::vector<FlagSpec> network_flags() {
  return {
      {{"--model_path", "-model_path"}, "FILE", "the weights (.pth)", true},
      {{"--model", "-model"}, "NAME", "iresnet, mobilefacenet or vit (default: read off the weights)"},
      {{"--mode", "-mode"}, "MODE", "normal or se (default: read off the weights)"},
      {{"--depth", "-d"},
       "N",
       "iresnet: 18, 34, 50, 100, 152, 200; vit: s, b, l (default: read off the weights)"},
      {{"--precision"}, "NAME", "fp32, fp16 or bf16 (default: fp16 on a GPU, fp32 on a CPU)"},
      {{"--batch_size", "-b"}, "N", "pictures at a time (default: 512 on a GPU, 32 on a CPU)"},
      {{"--threads"}, "N", "CPU threads (default: OpenMP's choice)"},
  };
}

std::vector<FlagSpec> picture_flags() {
  return {
      {{"--bgr"}, "", "channels blue, green, red (AdaFace's and MagFace's own weights)"},
      {{"--mean"}, "M", "subtracted from the pixels in [0, 1] (default: 0.5; MagFace's own weights: 0)"},
      {{"--std"}, "S", "what they are divided by (default: 0.5; MagFace's own weights: 1)"},
  };
}

PictureFormat picture_format_of(const Flags& flags) {
  return {flags.has("--bgr"), flags.real("--mean", 0.5, -10, 10), flags.real("--std", 0.5, 1e-3, 1e3)};
}

void check_given(const BackboneSpec& read, const GivenNetwork& network, const std::string& path) {
  const auto check = [&](const char* flag, const std::string& given, const std::string& truth) {
    if (!given.empty() && given != truth)
      throw Error(ErrorKind::kConfig, std::string(flag) + " " + given + " was given, but the weights in " +
                                          path + " are of " + (read.model == "iresnet" ? "an " : "a ") +
                                          read.model + " with " + (flag + 2) + " " + truth +
                                          "; leave the flag out");
  };
  check("--model", network.model, read.model);
  if (read.model != "mobilefacenet") check("--depth", network.depth, read.depth);
  if (read.model == "iresnet") check("--mode", network.mode, read.mode);
}

void check_given(const BackboneSpec& read, const Flags& flags, const std::string& path) {
  check_given(read, GivenNetwork{flags.text("--model"), flags.text("--depth"), flags.text("--mode")}, path);
}

TrainedNetwork load_network(const Flags& flags) {
  const std::string path = flags.text("--model_path");
  if (flags.has("--threads")) at::set_num_threads(static_cast<int>(flags.integer("--threads", 1, 1, 1024)));
  const std::vector<NamedTensor> weights = load_state_dict(path);
  BackboneSpec spec = spec_from_state(weights);
  check_given(spec, flags, path);

  TrainedNetwork network;
  network.on_gpu = device_count() > 0;
  network.batch =
      static_cast<std::size_t>(flags.integer("--batch_size", network.on_gpu ? 512 : 32, 1, 1 << 20));
  spec.precision = flags.text("--precision", network.on_gpu ? "fp16" : "fp32");
  if (spec.precision != "fp32" && spec.precision != "fp16" && spec.precision != "bf16")
    throw Error(ErrorKind::kConfig, "--precision " + spec.precision + ": must be fp32, fp16 or bf16");
  network.precision = spec.precision;
  network.backbone = make_backbone(spec, 0);
  load_into(*network.backbone, weights);
  if (network.on_gpu) network.backbone->to(at::Device(at::kCUDA, 0), at::kFloat);
  network.backbone->train(false);
  return network;
}

}  // namespace facetrain
