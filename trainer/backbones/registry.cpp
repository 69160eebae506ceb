#include "trainer/backbones/registry.hpp"

#include "common/error.hpp"

// One line per network: X(name) stands for the BackboneKind `backbone_<name>`.
#define FACETRAIN_BACKBONES(X) \
  X(iresnet)                   \
  X(mobilefacenet)             \
  X(vit)

namespace facetrain {

#define DECLARE(name) extern const BackboneKind backbone_##name;
FACETRAIN_BACKBONES(DECLARE)
#undef DECLARE

std::span<const BackboneEntry> backbone_registry() {
#define ENTRY(name) {#name, &backbone_##name},
  static constexpr BackboneEntry kEntries[] = {FACETRAIN_BACKBONES(ENTRY)};
#undef ENTRY
  return kEntries;
}

const at::Tensor* find_tensor(const std::vector<NamedTensor>& state, std::string_view name) {
  for (const NamedTensor& entry : state) {
    if (entry.name == name) return &entry.tensor;
  }
  return nullptr;
}

BackboneSpec backbone_spec(const Config& config) {
  const auto& size = config.model.input_size;
  for (const std::int64_t side : size) {
    if (side != 112) {
      throw Error(ErrorKind::kConfig,
                  "model.input_size: the networks take 112 x 112 pictures, not " + std::to_string(side));
    }
  }
  return {.model = config.model.model,
          .depth = config.model.depth,
          .mode = config.model.mode,
          .width = config.model.width,
          .embedding_size = config.model.embedding_size,
          .dropout = config.model.dropout,
          .checkpoint = config.model.checkpoint,
          .fused_norm = config.model.fused_norm,
          .precision = config.train.precision};
}

std::unique_ptr<Backbone> make_backbone(const BackboneSpec& spec, std::uint64_t seed) {
  std::string names;
  for (const BackboneEntry& entry : backbone_registry()) {
    if (entry.name == spec.model) return entry.kind->make(spec, seed);
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw Error(ErrorKind::kConfig,
              "model.model: unknown backbone '" + spec.model + "' (there are: " + names + ")");
}

}  // namespace facetrain
