#include "common/precision.hpp"

#include "common/error.hpp"

namespace facetrain {

Precision precision_of(const std::string& name, bool on_gpu) {
  if (name == "fp16") return on_gpu ? Precision::kFp16 : Precision::kFp32;
  if (name == "bf16") return Precision::kBf16;
  if (name == "fp32") return Precision::kFp32;
  if (name == "fp64") return Precision::kFp64;
  throw Error(ErrorKind::kConfig, "train.precision: unknown \"" + name + "\"; known: fp16, bf16, fp32, fp64");
}

// The reference's ViT embeds patches outside of autocast (model/vit.py, forward_features).
bool wants_float32_pictures(const std::string& model) {
  return model == "vit";
}

Dtype ring_dtype(const std::string& model, Precision precision) {
  if (wants_float32_pictures(model)) return Dtype::kF32;
  return precision == Precision::kFp16   ? Dtype::kF16
         : precision == Precision::kBf16 ? Dtype::kBf16
                                         : Dtype::kF32;
}

}  // namespace facetrain
