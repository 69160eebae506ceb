#include <array>

#include "dataservice/augment/augmentation.hpp"
#include "dataservice/augment/colour_jitter.hpp"
#include "dataservice/augment/crop.hpp"
#include "dataservice/augment/low_resolution.hpp"

namespace facetrain {
namespace {

// The reference's order and probabilities (data/data_augmentor.py, after AdaFace's).
constexpr std::array<AugmentationEntry, 3> kTable{{
    {"crop", 0.3, [](Instructions) { return make_crop(); }},
    {"low_resolution", 0.3, make_low_resolution},
    {"colour_jitter", 0.3, make_colour_jitter},
}};

}  // namespace

std::span<const AugmentationEntry> augmentation_table() {
  return kTable;
}

}  // namespace facetrain
